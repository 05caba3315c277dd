// A source that plays: one clock, whatever feeds the element. Owns seeking, retries and the choice of the way.

import { playable, takes, ways } from "./abilities.js";
import { Problem, sourceUrl } from "./api.js";
import { clamp, delay, pairs } from "./clock.js";
import { NativeFeed, OriginalFeed } from "./feeds.js";
import { Film } from "./film.js";
import { copiesPicture, frameSeconds, originalType } from "./quality.js";
import { ladder } from "./rungs.js";
import { SegmentFeed } from "./segments.js";

const CALM = 200; // milliseconds without another seek: who holds an arrow key wants the last place only
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
  "ratechange",
  "durationchange",
  "loadeddata",
  "resize",
];

/**
 * Events: `change` (anything that the controls show) and `problem` (its `detail` is {text, seconds}: words
 * and the time until the next attempt, null when only the user can try again; or null when all is well).
 */
export class Playback extends EventTarget {
  #attempts = 0;
  #closing = new AbortController();
  #failedAt = 0;
  #feed = null;
  #moved = { mark: 0, at: performance.now() };
  #pending = null;
  #retryTimer = null;
  #rungs = null;
  #seekTimer = null;
  #soughtAt = -Infinity;
  #wanted = false; // to play, as soon as there is something
  #ways;
  #watching;

  /**
   * @param video the element
   * @param path the source, decoded
   * @param facts what `info` of the server says about it
   * @param forced the only way that may be taken, see `ways`; null for the best one
   * @param quality to begin with, if the file itself cannot be played: "auto" or lines
   */
  constructor(video, path, facts, { forced = null, quality = "auto" } = {}) {
    super();
    this.video = video;
    this.path = path;
    this.facts = facts;
    this.film = new Film(path, playable());
    this.#ways = ways(originalType(facts), forced, copiesPicture(facts));
    this.quality = this.#ways[0] === "original" ? "original" : quality;
    this.sound = null; // the address of a sound's playlist; null for the usual one
    const { signal } = this.#closing;
    const on = (type, listener) => video.addEventListener(type, listener, { signal });
    for (const type of ELEMENT_EVENTS) on(type, () => this.#changed());
    on("pause", () => video.readyState > 0 && !video.error && (this.#wanted = false));
    on("loadeddata", () => this.#lookAround());
    this.#watching = setInterval(() => this.#watch(), 1000);
  }

  /** Lets go of the element and of all connections, for ever. */
  close() {
    this.#closing.abort();
    clearInterval(this.#watching);
    clearTimeout(this.#retryTimer);
    this.#cancelSeek();
    this.#feed?.close();
    this.#feed = null;
  }

  /** Seconds from the beginning of the source: where we are, or where a seek will take us. */
  get position() {
    return this.#pending ?? this.video.currentTime;
  }

  /** Seconds, by the facts of the source if they are known; Infinity if nothing knows it. */
  get duration() {
    return this.facts.duration ?? (this.video.duration || Infinity);
  }

  /** What has arrived: pairs of seconds. */
  get buffered() {
    const list = pairs(this.video.buffered);
    const all = list.length === 1 && list[0][1] - list[0][0] >= this.duration - 0.5;
    return this.way === "native" && all ? [] : list; // Chromium says so of any HLS, and it is not true
  }

  get waiting() {
    return this.#pending !== null || this.video.seeking || (!this.video.ended && this.video.readyState < 3);
  }

  get ended() {
    return this.#pending === null && this.video.ended;
  }

  get paused() {
    return this.video.paused && !this.#wanted;
  }

  /** "original", "native" or "mse"; null where the browser has no way at all. */
  get way() {
    if (this.quality === "original") return "original";
    return this.#ways.find((way) => way !== "original") ?? null;
  }

  /** Whether the file itself can be played. */
  get original() {
    return this.#ways.includes("original");
  }

  /** The qualities that can be chosen, best first; none until the server has told them. */
  get rungs() {
    if (this.#rungs || !this.film.known) return this.#rungs ?? [];
    this.#rungs = ladder(this.film.known.variants, takes);
    const known = this.#rungs.some(({ lines }) => lines === this.quality);
    if (typeof this.quality === "number" && !known) this.quality = "auto"; // a wish from another film
    return this.#rungs;
  }

  /** The sounds that can be chosen. */
  get sounds() {
    return this.film.known?.sounds ?? [];
  }

  /** The lines of the picture that is shown; 0 if there is none. */
  get shown() {
    return this.#feed?.shown ?? 0;
  }

  /** Begins to feed the element. */
  open(start = 0) {
    this.#well();
    this.#cancelSeek();
    this.#feed?.close();
    this.#feed = this.#makeFeed();
    if (!this.#feed) return this.#give(new Problem(415, "This browser cannot play video from this server."));
    return this.#enter(clamp(start, this.duration), () => this.#feed.open(clamp(start, this.duration)));
  }

  /** Goes on at the same place in another quality: "auto", "original" or a number of lines. */
  setQuality(quality) {
    if (quality === this.quality) return;
    const before = this.way;
    this.quality = quality;
    this.#attempts = 0;
    if (quality === "original") this.sound = null;
    this.#use(before);
  }

  /** Goes on with another sound: the address of its playlist. */
  setSound(sound) {
    if (sound === this.sound) return;
    const before = this.way;
    this.sound = sound;
    if (this.quality === "original") this.quality = "auto";
    this.#use(before);
  }

  /** How fast: 1 is as it was recorded. */
  setRate(rate) {
    this.video.defaultPlaybackRate = rate; // what a new `src` begins with
    this.video.playbackRate = rate;
  }

  /** Goes to a time, but not nearer to the end than `margin`: from there something can still be played. */
  seek(seconds, margin = 0.5) {
    if (!this.#feed) return;
    const target = clamp(seconds, this.duration, margin);
    const calm = performance.now() - this.#soughtAt > CALM;
    this.#cancelSeek();
    this.#soughtAt = performance.now();
    this.#pending = target;
    if (calm || this.#feed.held(target)) this.#jump(target);
    else this.#seekTimer = setTimeout(() => this.#jump(target), CALM);
    this.#changed();
  }

  /** Pauses, one frame further or back. */
  step(frames) {
    const frame = frameSeconds(this.facts);
    this.video.pause();
    this.seek((Math.floor(this.position / frame + 0.01) + frames + 0.5) * frame, frame / 2);
  }

  async play() {
    this.#wanted = true;
    if (this.#feed && this.video.error) return this.retry();
    try {
      await this.video.play();
    } catch (error) {
      // NotAllowedError: a browser that wants a click first. AbortError: another load came between.
      if (error.name === "NotAllowedError") this.#wanted = false;
      else if (error.name !== "AbortError" && !this.video.error) throw error;
    }
    return this.#changed();
  }

  pause() {
    this.#wanted = false;
    this.video.pause();
  }

  toggle() {
    if (this.paused || this.ended) this.play();
    else this.pause();
  }

  /** Tries again now, as if nothing had failed before. */
  retry() {
    this.#attempts = 0;
    return this.#again();
  }

  /** The address of the segment that will be needed first, if one can know it and none is on its way. */
  async next() {
    try {
      return (await this.#feed?.wanted(this.position)) ?? null;
    } catch {
      return null; // it will be asked for in earnest, with words if that fails
    }
  }

  #makeFeed() {
    const report = (problem) => feed === this.#feed && this.#failed(problem);
    const choice = { lines: this.quality, sound: this.sound };
    const rungs = () => this.rungs;
    const makers = {
      original: () => new OriginalFeed(this.video, sourceUrl(this.path), report),
      native: () => new NativeFeed(this.video, this.film, rungs, choice, report),
      mse: () => new SegmentFeed(this.video, this.film, rungs, choice, report),
    };
    const feed = makers[this.way]?.() ?? null;
    return feed;
  }

  // Another choice: the feed takes it up, or it needs another feed.
  #use(before) {
    if (this.way !== before || !this.#feed || this.video.error) this.open(this.position);
    else if (this.way === "native")
      this.#enter(this.position, () => this.#feed.use({ lines: this.quality, sound: this.sound }));
    else this.#feed.use({ lines: this.quality, sound: this.sound });
    this.#changed();
  }

  // `pending` is where we are for those who look, until a frame is there to say it.
  async #enter(start, act) {
    this.#pending = start;
    this.#failedAt = start;
    this.#touch();
    this.#changed();
    await act();
    if (this.#wanted && this.video.paused) this.play();
  }

  #jump(target) {
    this.#seekTimer = null;
    const failing = this.#retryTimer !== null;
    this.#well();
    if (this.video.error) return this.open(target);
    if (failing) return this.#enter(target, () => this.#feed.resume(target));
    this.#touch();
    return this.#feed.go(target);
  }

  #failed(problem) {
    if (problem.status === 415 && this.#otherWay()) return this.open(this.position);
    const end = this.#feed.reach(this.position);
    if (end - this.#failedAt > GAINED) this.#attempts = 0;
    this.#failedAt = end;
    this.#attempts += 1;
    const mayPass = problem.status === 0 || problem.retryAfter !== null;
    const seconds = mayPass && this.#attempts <= ATTEMPTS ? delay(this.#attempts, problem.retryAfter) : null;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = seconds === null ? null : setTimeout(() => this.#again(), seconds * 1000);
    return this.#give(problem, seconds);
  }

  // What the browser said it can play it may not be able to play after all.
  #otherWay() {
    const others = this.#ways.filter((way) => way !== this.way);
    if (!others.length) return false;
    this.#ways = others;
    if (this.quality === "original") this.quality = "auto";
    return this.way !== null;
  }

  #again() {
    this.#well();
    const { position } = this;
    if (this.video.error || !this.#feed) return this.open(position);
    return this.#enter(position, () => this.#feed.resume(position));
  }

  // The menus want to know what could be chosen; nothing waits for it.
  async #lookAround() {
    const alone = !this.video.videoWidth && this.way === "original";
    if (alone || this.film.known) return;
    try {
      await this.film.multivariant();
      this.#changed();
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // then there is nothing to choose
    }
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

  #give(problem, seconds = null) {
    this.dispatchEvent(new CustomEvent("problem", { detail: { text: problem.message, seconds } }));
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
