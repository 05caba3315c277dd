// The bar over the whole duration: what has arrived, where we are, where the pointer is and what is to be seen
// there. An ARIA slider.

import { format, speak } from "./clock.js";
import { element } from "./dom.js";

/** The chapter that holds a time, or null. */
export function chapterAt(chapters, seconds) {
  return chapters.findLast(({ start }) => start <= seconds) ?? null;
}

export class Scrubber {
  #dragging = null;
  #duration = Infinity;
  #marked = 0;
  #pointed = null;

  /**
   * `node` holds .scrubber-buffered, -played, -marks, -knob, -tip, -picture and -words. `chapters`: in order,
   * {start, title}; `storyboard`: a Storyboard or null.
   */
  constructor(node, seek, { chapters = [], storyboard = null } = {}) {
    this.node = node;
    this.seek = seek;
    this.chapters = chapters;
    this.storyboard = storyboard;
    const names = ["buffered", "played", "marks", "knob", "tip", "picture", "words"];
    this.parts = Object.fromEntries(names.map((name) => [name, node.querySelector(`.scrubber-${name}`)]));
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
    this.#mark();
    const spoken = Number.isFinite(duration) ? `${speak(shown)} of ${speak(duration)}` : speak(shown);
    const title = chapterAt(this.chapters, shown)?.title;
    const aria = {
      valuemax: this.#duration.toFixed(1),
      valuenow: shown.toFixed(1),
      valuetext: title ? `${spoken}, ${title}` : spoken,
    };
    for (const [name, value] of Object.entries(aria)) this.node.setAttribute(`aria-${name}`, value);
  }

  // A line where each chapter but the first begins.
  #mark() {
    if (this.#marked === this.#duration) return;
    this.#marked = this.#duration;
    const inside = this.chapters.filter(({ start }) => start > 0 && start < this.#duration);
    const marks = inside.map(({ start }) => {
      const mark = element("span", { className: "scrubber-mark" });
      mark.style.left = `${(100 * start) / this.#duration}%`;
      return mark;
    });
    this.parts.marks.replaceChildren(...marks);
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
    this.#pointed = { x: event.clientX, seconds };
    const title = chapterAt(this.chapters, seconds)?.title;
    this.parts.words.textContent = title ? `${format(seconds)}  ${title}` : format(seconds);
    this.#picture(seconds);
    this.#placeTip();
    this.node.classList.add("scrubber-pointed");
  }

  // While the pictures are on their way, it looks again until the pointer has left.
  #picture(seconds) {
    const { picture } = this.parts;
    const cue = this.storyboard?.at(seconds) ?? null;
    picture.hidden = cue === null;
    if (cue) {
      picture.style.width = `${cue.width}px`;
      picture.style.height = `${cue.height}px`;
      picture.style.background = `url("${cue.url}") -${cue.x}px -${cue.y}px`;
    } else if (this.storyboard) setTimeout(() => this.#look(seconds), 250);
  }

  #look(seconds) {
    const shown = this.node.classList.contains("scrubber-pointed") && this.#pointed?.seconds === seconds;
    if (!shown) return;
    this.#picture(seconds);
    this.#placeTip();
  }

  #placeTip() {
    const { left, width } = this.node.getBoundingClientRect();
    const half = this.parts.tip.offsetWidth / 2;
    const at = Math.min(Math.max(this.#pointed.x - left, half), width - half);
    this.parts.tip.style.left = `${at}px`;
  }
}
