// The bar over the whole duration: what has arrived, where we are, where the pointer is. An ARIA slider.

import { format, speak } from "./clock.js";

export class Scrubber {
  #dragging = null;
  #duration = Infinity;

  /** `node` holds .scrubber-buffered, .scrubber-played, .scrubber-knob and .scrubber-tip. */
  constructor(node, seek) {
    this.node = node;
    this.seek = seek;
    this.parts = Object.fromEntries(
      ["buffered", "played", "knob", "tip"].map((name) => [name, node.querySelector(`.scrubber-${name}`)]),
    );
    node.addEventListener("pointerdown", (event) => this.#press(event));
    node.addEventListener("pointermove", (event) => this.#move(event));
    node.addEventListener("pointerup", (event) => this.#release(event));
    node.addEventListener("pointercancel", () => this.#leave());
    node.addEventListener("pointerleave", () => this.#dragging === null && this.#leave());
  }

  get dragging() {
    return this.#dragging !== null;
  }

  /** Shows the state of a playback; without a known duration the bar ends where the data ends. */
  show({ position, duration, buffered }) {
    const end = Math.max(position, ...buffered.map(([, last]) => last), 0.001);
    this.#duration = Number.isFinite(duration) ? duration : end;
    const shown = Math.min(this.#dragging ?? position, this.#duration);
    this.#place(shown);
    this.#paintBuffered(buffered);
    const aria = {
      valuemax: this.#duration.toFixed(1),
      valuenow: shown.toFixed(1),
      valuetext: Number.isFinite(duration) ? `${speak(shown)} of ${speak(duration)}` : speak(shown),
    };
    for (const [name, value] of Object.entries(aria)) this.node.setAttribute(`aria-${name}`, value);
  }

  #paintBuffered(buffered) {
    const percent = (seconds) => (100 * Math.min(seconds, this.#duration)) / this.#duration;
    const bands = buffered.map(
      ([start, end]) => `transparent ${percent(start)}%, var(--bar-buffered) ${percent(start)}%,
      var(--bar-buffered) ${percent(end)}%, transparent ${percent(end)}%`,
    );
    this.parts.buffered.style.background = bands.length
      ? `linear-gradient(to right, ${bands.join(", ")})`
      : "none";
  }

  #place(seconds) {
    const part = this.#duration ? seconds / this.#duration : 0;
    this.parts.played.style.transform = `scaleX(${part})`;
    this.parts.knob.style.left = `${100 * part}%`;
  }

  #timeAt(event) {
    const { left, width } = this.node.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1) * this.#duration;
  }

  #press(event) {
    if (event.button !== 0) return;
    this.node.setPointerCapture(event.pointerId);
    this.#dragging = this.#timeAt(event);
    this.#move(event);
  }

  #move(event) {
    const seconds = this.#timeAt(event);
    this.#tip(event, seconds);
    if (this.#dragging === null) return;
    this.#dragging = seconds;
    this.#place(seconds);
  }

  #release(event) {
    if (this.#dragging === null) return;
    const seconds = this.#timeAt(event);
    this.#leave();
    this.seek(seconds);
  }

  #leave() {
    this.#dragging = null;
    this.node.classList.remove("scrubber-pointed");
  }

  #tip(event, seconds) {
    const { left, width } = this.node.getBoundingClientRect();
    const half = this.parts.tip.offsetWidth / 2;
    const at = Math.min(Math.max(event.clientX - left, half), width - half);
    this.parts.tip.textContent = format(seconds);
    this.parts.tip.style.left = `${at}px`;
    this.node.classList.add("scrubber-pointed");
  }
}
