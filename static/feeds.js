// Ways to bring a source into a <video> that chooses the bytes itself. Playback drives them; they know nothing
// of pages and retries. The third way, HLS by us, is in `segments.js`.
//
//   OriginalFeed  the source's own bytes by native ranges
//   NativeFeed    HLS by the browser
//
// One interface: open(start), go(position), held(position), reach(position), resume(start), wanted(position),
// use(choice), close(), and `shown`: the lines of the picture now. `choice` is {lines: "auto" or a number, sound:
// an address or null}. `report(problem)` says that something has failed; a status of 415 that another way may
// do. In all of them the element's clock is the source's clock.

import { explain, Problem } from "./api.js";
import { around, pairs } from "./clock.js";
import { firstRung } from "./rungs.js";

const MEDIA_ERR_NETWORK = 2;
const PLAYLIST = "application/vnd.apple.mpegurl";

/** Empties the element, so that it lets go of its connections. */
export function empty(video) {
  video.removeAttribute("src");
  video.load();
}

class ElementFeed {
  #listening = new AbortController();

  constructor(video, report) {
    this.video = video;
    this.report = report;
    const failed = async () => {
      const { code } = video.error ?? {};
      const trouble = await this.trouble();
      const lost = new Problem(0, "The stream was cut off.");
      const unknown = new Problem(415, "The browser cannot play this.");
      if (!this.signal.aborted) report(trouble ?? (code === MEDIA_ERR_NETWORK ? lost : unknown));
    };
    video.addEventListener("error", failed, { signal: this.signal });
  }

  get signal() {
    return this.#listening.signal;
  }

  get shown() {
    return Math.min(this.video.videoWidth, this.video.videoHeight);
  }

  /** Whether a time can be shown at once, so that going there may cost nothing. */
  held(position) {
    return around(pairs(this.video.buffered), position) !== null;
  }

  /** The end of what has arrived around a time. */
  reach(position) {
    return around(pairs(this.video.buffered), position)?.[1] ?? position;
  }

  /** Goes to another time. */
  go(position) {
    this.video.currentTime = position;
  }

  resume(start) {
    return this.open(start);
  }

  close() {
    this.#listening.abort();
    empty(this.video);
  }
}

export class OriginalFeed extends ElementFeed {
  constructor(video, url, report) {
    super(video, report);
    this.url = url;
  }

  open(start) {
    this.video.src = this.url;
    this.video.currentTime = start;
  }

  /** Always: a file needs no encoder that would have to start elsewhere. */
  held() {
    return this.video.readyState > 0;
  }

  trouble() {
    return explain(this.url);
  }

  wanted() {
    return null;
  }

  use() {}
}

export class NativeFeed extends ElementFeed {
  #made = "";

  /** `rungs(film)` gives the variants that may be chosen, once they are known. */
  constructor(video, film, rungs, choice, report) {
    super(video, report);
    this.film = film;
    this.rungs = rungs;
    this.choice = choice;
  }

  async open(start) {
    try {
      const url = await this.#address();
      if (this.signal.aborted) return;
      this.video.src = url;
      this.video.currentTime = start;
    } catch (problem) {
      if (this.signal.aborted) return;
      if (!(problem instanceof Problem)) throw problem;
      this.report(problem);
    }
  }

  /** Another quality or sound: the element has no word for it, so it gets another playlist. */
  async use(choice) {
    this.choice = choice;
    await this.open(this.video.currentTime);
  }

  trouble() {
    return this.film.trouble(this.video.currentTime, this.#variant());
  }

  /** The address of a segment of the run that makes what comes next. What the browser has nobody can know. */
  async wanted(position) {
    const variant = this.#variant();
    return variant && ((await this.film.segmentAt(variant, position, this.signal))?.uri ?? null);
  }

  close() {
    super.close();
    if (this.#made) URL.revokeObjectURL(this.#made);
  }

  // The variant that is shown, as far as one can see from outside.
  #variant() {
    const { shown } = this;
    const rungs = this.film.known ? this.rungs() : [];
    return rungs.find(({ lines }) => lines === shown) ?? rungs[0] ?? null;
  }

  async #address() {
    const { lines, sound } = this.choice;
    await this.film.multivariant(this.signal);
    const rungs = this.rungs();
    let variant = rungs.find((rung) => rung.lines === lines);
    // A copy has segments of its own lengths, and not every browser heeds that when it changes the quality.
    if (!variant && rungs.length > 1 && rungs.some(({ copied }) => copied))
      variant = rungs[firstRung(rungs, this.video.clientHeight * Math.min(devicePixelRatio, 2))];
    if (!variant && sound === null) return this.film.url;
    const playlist = new Blob([this.film.only(variant?.uri ?? null, sound)], { type: PLAYLIST });
    if (this.#made) URL.revokeObjectURL(this.#made);
    this.#made = URL.createObjectURL(playlist);
    return this.#made;
  }
}
