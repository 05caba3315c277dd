// One SourceBuffer and the rendition that feeds it: which segment is wanted next, and bringing it there.
//
// What is wanted is worked out from the clock and from what the buffer holds, each time anew. So a change of
// quality and a browser that throws something away need no case of their own. Only between two seeks nothing is
// left out: a browser plays the sound on while the picture is late, and would wait at the hole for ever.

import { Problem } from "./api.js";
import { around, pairs } from "./clock.js";
import { mediaType } from "./isobmff.js";
import { placeAt } from "./playlists.js";

const BEHIND = 60; // seconds kept for going back
const FAR = 120; // seconds; what lies further ahead is left from before a seek
const STEP = 10; // seconds: a removal costs more than so much memory

const once = (target, type) =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

export class Track {
  #buffer = null;
  #held = ""; // the address of the initialization segment that the buffer works with
  #loading = null; // {segment, abort, settling}
  #own = new Set(); // numbers of this rendition that were appended
  #playlist = null;
  #reached = Infinity; // seconds: the end of what was appended since the last seek
  #stopped = false;
  #tried = new Set(); // likewise, since the last seek: a segment that shows nothing is not fetched for ever
  #type = "";
  #until = Infinity; // seconds; later than that, only what is of this rendition counts

  /**
   * @param film where the segments are
   * @param clock a function: the seconds that are seen
   * @param hooks functions: ahead(): how many seconds may be fetched before they are seen; arrived(segment,
   *   seconds it took), changed(), failed(problem)
   */
  constructor(film, clock, hooks) {
    this.film = film;
    this.clock = clock;
    this.hooks = hooks;
    this.uri = null;
  }

  /** Gets ready to feed a rendition; gives the type for `addSourceBuffer`. */
  async open(uri, signal) {
    const playlist = await this.film.playlist(uri, signal);
    this.#type = await this.#typeOf(playlist, signal);
    this.#playlist = playlist;
    this.uri = uri;
    return this.#type;
  }

  attach(buffer) {
    this.#buffer = buffer;
    this.poke();
  }

  /** Goes on with another rendition. What is held before `boundary(segments)` in seconds stays. */
  async use(uri, boundary = () => Infinity) {
    try {
      const playlist = await this.film.playlist(uri);
      const type = await this.#typeOf(playlist);
      this.#playlist = playlist;
      this.#type = type;
      this.uri = uri;
      this.#own.clear();
      this.#tried.clear();
      this.#until = boundary(playlist.segments);
      this.#turn();
    } catch (error) {
      this.#fail(error);
    }
  }

  get duration() {
    return this.#playlist?.duration ?? 0;
  }

  get busy() {
    return this.#loading !== null;
  }

  /** The seconds of the segment that is on its way, and for how many it has been; null when there is none. */
  get late() {
    if (!this.#loading || this.#loading.settling) return null;
    const { segment, began } = this.#loading;
    return { seconds: segment.end - segment.start, took: (performance.now() - began) / 1000 };
  }

  /** The end of what is held around the clock. */
  get reach() {
    const now = this.clock();
    return (this.#buffer && around(pairs(this.#buffer.buffered), now)?.[1]) ?? now;
  }

  /** The first segment from now on that is not held; null when there is none. */
  get next() {
    return this.#next(Infinity);
  }

  /** Looks whether something is to do. */
  poke() {
    if (!this.#buffer || this.#stopped || this.#loading) return;
    const wanted = this.#next(this.hooks.ahead());
    if (wanted) this.#load(wanted);
  }

  /** The clock has jumped: what was of no use there may be of use here. */
  jumped() {
    this.#tried.clear();
    this.#reached = Infinity;
    this.#turn();
  }

  // What is on its way may not be wanted any more.
  #turn() {
    const loading = this.#loading;
    if (loading && !loading.settling && loading.segment !== this.#next(this.hooks.ahead())) {
      loading.abort.abort();
      this.#loading = null;
    }
    this.poke();
  }

  /** After a failure: tries again, also what is on its way and does not come. */
  resume() {
    this.#stopped = false;
    if (this.#loading && !this.#loading.settling) {
      this.#loading.abort.abort();
      this.#loading = null;
    }
    this.poke();
  }

  close() {
    this.#stopped = true;
    this.#loading?.abort.abort();
    this.#buffer = null;
  }

  #next(limit) {
    const { segments } = this.#playlist;
    if (!segments.length) return null;
    const now = this.clock();
    const ranges = pairs(this.#buffer.buffered);
    for (const segment of segments.slice(placeAt(segments, Math.min(now, this.#reached)))) {
      if (segment.start > now && segment.end - now > limit) return null;
      if (!this.#holds(segment, ranges)) return segment;
    }
    return null;
  }

  #holds({ number, start, end }, ranges) {
    if (this.#tried.has(number)) return true;
    if (end > this.#until + 0.05 && !this.#own.has(number)) return false;
    const slack = Math.min(0.25, (end - start) / 2); // the buffer's times are rounded; frames may come late
    return ranges.some(([first, last]) => first <= start + slack && last >= end - slack);
  }

  async #load(segment) {
    const abort = new AbortController();
    const began = performance.now();
    const loading = { segment, abort, began, settling: false };
    const playlist = this.#playlist;
    const type = this.#type;
    this.#loading = loading;
    try {
      const content = await this.film.segment(segment.uri, abort.signal);
      const took = (performance.now() - began) / 1000;
      loading.settling = true;
      await this.#initialize(playlist, type, abort.signal);
      await this.#append(content, abort.signal);
      this.#own.add(segment.number);
      this.#tried.add(segment.number);
      this.#reached = segment.end;
      await this.#forget(BEHIND);
      this.hooks.arrived(segment, took);
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(error);
    }
    if (this.#loading === loading) this.#loading = null;
    this.hooks.changed();
    this.poke();
  }

  async #initialize({ initialization }, type, signal) {
    if (this.#held === initialization) return;
    const content = await this.film.initialization(initialization, signal);
    await this.#idle();
    signal.throwIfAborted();
    this.#buffer.changeType(type);
    await this.#append(content, signal);
    this.#held = initialization;
  }

  async #append(content, signal) {
    for (;;) {
      await this.#idle();
      signal.throwIfAborted();
      try {
        this.#buffer.appendBuffer(content);
        return await this.#idle();
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#forget(5, 0);
        await new Promise((go) => setTimeout(go, 1000)); // until a second of video is over
      }
    }
  }

  async #forget(behind, step = STEP) {
    const now = this.clock();
    const ranges = pairs(this.#buffer.buffered);
    if (!ranges.length) return;
    if (now - behind - ranges[0][0] > step) await this.#remove(0, now - behind);
    if (ranges.at(-1)[1] > now + FAR) await this.#remove(now + FAR, Infinity);
  }

  async #remove(start, end) {
    await this.#idle();
    this.#buffer?.remove(start, end);
    await this.#idle();
  }

  async #idle() {
    while (this.#buffer?.updating) await once(this.#buffer, "updateend");
  }

  // The initialization segment itself knows best what is inside.
  async #typeOf({ initialization }, signal) {
    if (!initialization) throw new Problem(502, "The server's playlist names no initialization segment.");
    const content = await this.film.initialization(initialization, signal);
    const type = mediaType(new Uint8Array(content));
    if (type === null) throw new Problem(502, "The server's initialization segment is not whole.");
    return type;
  }

  #fail(error) {
    this.#stopped = true;
    this.#loading = null;
    this.hooks.failed(error);
  }
}
