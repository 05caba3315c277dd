// Asks for the durations of videos whose tiles come near, a few at a time: each costs the server a probe.

import { Problem } from "./api.js";
import { showDuration } from "./tile.js";

const TOGETHER = 2;
const NEAR = "300px";

export class Durations {
  #asking = 0;
  #near = new IntersectionObserver((entries) => this.#came(entries), { rootMargin: NEAR });
  #waiting = [];

  /** Shows the duration of this tile when it comes near. */
  add(tile) {
    this.#near.observe(tile);
  }

  /** Forgets all tiles: the folder has changed. */
  clear() {
    this.#near.disconnect();
    this.#waiting = [];
  }

  #came(entries) {
    for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
      this.#near.unobserve(target);
      this.#waiting.push(target);
      this.#ask();
    }
  }

  async #ask() {
    if (this.#asking >= TOGETHER || !this.#waiting.length) return;
    this.#asking += 1;
    try {
      await showDuration(this.#waiting.shift());
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem; // without facts the tile stays without a duration
    } finally {
      this.#asking -= 1;
    }
    this.#ask();
  }
}
