// A source that plays: one clock, whatever feeds the element. Owns seeking, retries and the choice of feed.

import { Problem, sourceUrl } from "./api.js";
import { clamp, delay, pairs } from "./clock.js";
import { BufferFeed, OriginalFeed, PlainFeed, Unbuffered } from "./feeds.js";

const DEBOUNCE = 200; // milliseconds: who drags the scrubber wants the last place only
const STALL = 15; // seconds without a byte or a frame, more than the server's own deadline for a first byte
const ATTEMPTS = 5;
const GAINED = 5; // seconds of new video after which earlier failures are forgotten
const ELEMENT_EVENTS = [
  "timeupdate",
  "progress",
  "play",
  "pause",
  "playing",
  "waiting",
  "seeking",
  "seeked",
  "ended",
  "volumechange",
  "durationchange",
  "loadeddata",
];

/**
 * Events: `change` (anything that the controls show) and `problem` (its `detail` is {text, seconds}: words
 * and the time until the next attempt, null when only the user can try again; or null when all is well), and
 * `unplayable` (the browser cannot decode the original, though it said so).
 */
export class Playback extends EventTarget {
  #attempts = 0;
  #feed = null;
  #failedAt = 0;
  #pending = null;
  #plain = !BufferFeed.supported;
  #seekTimer = null;
  #retryTimer = null;
  #moved = { mark: 0, at: performance.now() };

  /**
   * @param video the element
   * @param path the source, decoded
   * @param duration seconds; Infinity when unknown
   * @param parameters of the mp4 preset beside `start` and `height`
   */
  constructor(video, path, duration, parameters = {}) {
    super();
    this.video = video;
    this.path = path;
    this.known = duration;
    this.parameters = parameters;
    this.height = undefined;
    for (const type of ELEMENT_EVENTS) video.addEventListener(type, () => this.#changed());
    setInterval(() => this.#watch(), 1000);
  }

  /** Seconds from the beginning of the source: where we are, or where a seek will take us. */
  get position() {
    return this.#pending ?? (this.#feed?.offset ?? 0) + this.video.currentTime;
  }

  /** Seconds, by the facts of the source if they are known; Infinity if nothing knows it. */
  get duration() {
    if (Number.isFinite(this.known)) return this.known;
    return this.original && this.video.duration ? this.video.duration : Infinity;
  }

  /** What has arrived, in source time. */
  get buffered() {
    return pairs(this.video.buffered, this.#feed?.offset ?? 0);
  }

  get original() {
    return this.#feed instanceof OriginalFeed;
  }

  get waiting() {
    return this.#pending !== null || this.video.seeking || (!this.video.ended && this.video.readyState < 3);
  }

  get ended() {
    return this.#pending === null && this.video.ended;
  }

  /** Begins to feed the element. `height` is "original" for the source's own bytes. */
  open(height, start = 0) {
    this.height = height;
    this.#well();
    this.#cancelSeek();
    this.#feed?.close();
    this.#feed = this.#makeFeed();
    this.#openFeed(clamp(start, this.duration));
  }

  /** Goes on at the same place in another quality. */
  setHeight(height) {
    const { paused } = this.video;
    this.#attempts = 0;
    this.open(height, this.position);
    if (!paused) this.play();
  }

  seek(seconds) {
    if (!this.#feed) return;
    const target = clamp(seconds, this.duration);
    this.#cancelSeek();
    if (this.#feed.canSeek(target)) {
      this.#pending = null;
      this.video.currentTime = target - this.#feed.offset;
    } else {
      this.#pending = target;
      this.#seekTimer = setTimeout(() => this.#restart(target), DEBOUNCE);
    }
    this.#changed();
  }

  async play() {
    if (this.ended && !this.original) this.seek(0);
    try {
      await this.video.play();
    } catch (error) {
      // NotAllowedError: a browser that wants a click first. AbortError: another load came between.
      if (error.name !== "NotAllowedError" && error.name !== "AbortError" && !this.video.error) throw error;
    }
  }

  toggle() {
    if (this.video.paused || this.ended) this.play();
    else this.video.pause();
  }

  /** Tries again now, as if nothing had failed before. */
  retry() {
    this.#attempts = 0;
    this.#again();
  }

  #makeFeed() {
    const report = (problem) => feed === this.#feed && this.#failed(problem);
    const urlAt = (start) => {
      const parameters = { preset: "mp4", height: this.height, ...this.parameters };
      if (start > 0) parameters.start = start.toFixed(3);
      return sourceUrl(this.path, parameters);
    };
    const feed =
      this.height === "original"
        ? new OriginalFeed(this.video, sourceUrl(this.path), report)
        : new (this.#plain ? PlainFeed : BufferFeed)(this.video, urlAt, this.known, report);
    return feed;
  }

  // `position` is where we are for those who look, until a frame is there to say it.
  #openFeed(start, position = start) {
    this.#pending = position;
    this.#failedAt = start;
    this.#touch();
    this.#feed.open(start);
    this.#changed();
  }

  #restart(target) {
    const wanted = !this.video.paused || this.video.ended;
    this.#well();
    this.#seekTimer = null;
    if (this.#feed instanceof BufferFeed) this.video.currentTime = target; // its last picture stays
    this.#openFeed(target);
    if (wanted) this.play();
  }

  #failed(problem) {
    if (problem instanceof Unbuffered) return this.#fallBack();
    if (this.original && problem.status === 415) return this.dispatchEvent(new Event("unplayable"));
    const end = this.#feed.resumeAt(this.position);
    if (end - this.#failedAt > GAINED) this.#attempts = 0;
    this.#failedAt = end;
    this.#attempts += 1;
    const mayPass = problem.status === 0 || problem.retryAfter !== null;
    const seconds = mayPass && this.#attempts <= ATTEMPTS ? delay(this.#attempts, problem.retryAfter) : null;
    if (seconds !== null) this.#retryTimer = setTimeout(() => this.#again(), seconds * 1000);
    this.dispatchEvent(new CustomEvent("problem", { detail: { text: problem.message, seconds } }));
  }

  #again() {
    const wanted = !this.video.paused;
    this.#well();
    const { position } = this;
    if (this.video.error) this.open(this.height, position);
    else this.#openFeed(this.#feed.resumeAt(position), position);
    if (wanted) this.play();
  }

  #cancelSeek() {
    clearTimeout(this.#seekTimer);
    this.#seekTimer = null;
  }

  #well() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.dispatchEvent(new CustomEvent("problem", { detail: null }));
  }

  #fallBack() {
    this.#plain = true;
    this.setHeight(this.height);
  }

  #touch() {
    this.#moved = { mark: this.#mark(), at: performance.now() };
  }

  #mark() {
    return this.video.currentTime + this.buffered.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  #watch() {
    const { ended, paused, readyState } = this.video;
    const idle = paused || ended || readyState > 2 || !this.#feed || this.#retryTimer !== null;
    if (idle || this.#mark() !== this.#moved.mark) return this.#touch();
    if (performance.now() - this.#moved.at < STALL * 1000) return undefined;
    this.#touch();
    return this.#failed(new Problem(0, "The stream has stalled."));
  }

  #changed() {
    const landed = this.video.readyState > 1 && !this.video.seeking && this.#seekTimer === null;
    if (landed) this.#pending = null;
    this.dispatchEvent(new Event("change"));
  }
}
