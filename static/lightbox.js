// One picture over everything: a modal <dialog>, so the browser itself keeps the focus in and the page inert.

import { explain, sourceUrl } from "./api.js";
import { byId } from "./dom.js";
import { pictureUrl, thumbnails } from "./tile.js";

const STEPS = [640, 960, 1280, 1600, 1920, 2560, 3200, 3840]; // few sizes: visitors share the cache
const SWIPE = 48; // CSS pixels

/** The large thumbnail for this screen: `1600x960`. */
export function screenSize({ innerWidth, innerHeight, devicePixelRatio = 1 }) {
  const step = (pixels) => STEPS.find((size) => size >= pixels) ?? STEPS.at(-1);
  const dense = Math.min(devicePixelRatio, 2); // past that nobody sees it and everybody pays
  return `${step(innerWidth * dense)}x${step(innerHeight * dense)}`;
}

/**
 * Events: `shown` (its detail is the file), `closed` (likewise), and `end`: the last picture that is known is
 * near, more please. `pictures` may grow while it is open.
 */
export class Lightbox extends EventTarget {
  #at = -1;
  #pictures = [];
  #touch = null;

  constructor() {
    super();
    this.dialog = byId("lightbox");
    this.image = byId("lightbox-image");
    this.stage = byId("lightbox-stage");
    byId("lightbox-close").addEventListener("click", () => this.dialog.close());
    byId("lightbox-previous").addEventListener("click", () => this.step(-1));
    byId("lightbox-next").addEventListener("click", () => this.step(1));
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.stage.addEventListener("click", (event) => event.target === this.stage && this.dialog.close());
    this.stage.addEventListener("pointerdown", (event) => this.#press(event));
    this.stage.addEventListener("pointermove", (event) => this.#drag(event));
    this.stage.addEventListener("pointerup", (event) => this.#release(event));
    this.stage.addEventListener("pointercancel", () => this.#settle());
  }

  get isOpen() {
    return this.dialog.open;
  }

  set pictures(list) {
    this.#pictures = list;
    if (this.isOpen) this.#words();
  }

  open(file) {
    this.#at = this.#pictures.findIndex(({ path }) => path === file.path);
    if (!this.isOpen) this.dialog.showModal();
    this.#show();
  }

  close() {
    if (this.isOpen) this.dialog.close();
  }

  step(by) {
    const next = this.#at + by;
    if (next < 0 || next >= this.#pictures.length) return;
    this.#at = next;
    this.#show();
  }

  #show() {
    const file = this.#pictures[this.#at];
    this.#words();
    this.#settle();
    this.#paint(file);
    for (const near of [this.#pictures[this.#at + 1], this.#pictures[this.#at - 1]])
      if (near) this.#fetch(near);
    this.dispatchEvent(new CustomEvent("shown", { detail: file }));
    if (this.#at >= this.#pictures.length - 4) this.dispatchEvent(new Event("end"));
  }

  #words() {
    const file = this.#pictures[this.#at];
    byId("lightbox-name").textContent = file.name;
    byId("lightbox-count").textContent = `${this.#at + 1} of ${this.#pictures.length}`;
    byId("lightbox-original").href = sourceUrl(file.path);
    this.image.alt = file.name;
    byId("lightbox-previous").disabled = this.#at === 0;
    byId("lightbox-next").disabled = this.#at === this.#pictures.length - 1;
  }

  // First the thumbnail that the gallery has, then the large one when it is whole.
  async #paint(file) {
    byId("lightbox-trouble").hidden = true;
    this.image.dataset.state = "soft";
    this.image.src = thumbnails(file).src;
    const large = this.#fetch(file);
    try {
      await large.decode();
    } catch {
      return this.#explain(file, large.src); // decode() says only that it failed
    }
    if (!this.#shows(file)) return undefined;
    this.image.src = large.src;
    this.image.dataset.state = "sharp";
    return undefined;
  }

  async #explain(file, url) {
    const problem = await explain(url);
    if (!this.#shows(file)) return;
    if (problem === null || problem.retryAfter !== null) {
      setTimeout(() => this.#shows(file) && this.#paint(file), (problem?.retryAfter ?? 1) * 1000);
      if (problem === null) return;
    } else this.image.dataset.state = "broken";
    byId("lightbox-trouble").textContent = problem.message;
    byId("lightbox-trouble").hidden = false;
  }

  #fetch(file) {
    const image = new Image();
    image.src = pictureUrl(file, screenSize(window));
    return image;
  }

  #shows(file) {
    return this.isOpen && this.#pictures[this.#at] === file;
  }

  #closed() {
    this.image.removeAttribute("src");
    this.dispatchEvent(new CustomEvent("closed", { detail: this.#pictures[this.#at] }));
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -1, PageDown: 1 };
    const { length } = this.#pictures;
    if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === "Home") this.step(-this.#at);
    else if (event.key === "End") this.step(length - 1 - this.#at);
    else return;
    event.preventDefault();
  }

  #press(event) {
    if (event.pointerType === "mouse" || event.target.closest("button") || !event.isPrimary) return;
    this.#touch = event.clientX;
  }

  #drag(event) {
    if (this.#touch === null || !event.isPrimary || window.visualViewport?.scale > 1.01) return;
    this.image.style.transform = `translateX(${event.clientX - this.#touch}px)`;
  }

  #release(event) {
    if (this.#touch === null) return;
    const moved = event.clientX - this.#touch;
    const zoomed = window.visualViewport?.scale > 1.01;
    this.#settle();
    if (Math.abs(moved) > SWIPE && !zoomed) this.step(moved > 0 ? -1 : 1);
  }

  #settle() {
    this.#touch = null;
    this.image.style.transform = "";
  }
}
