// Three ways to bring a source into a <video>. Playback drives them; they know nothing of pages and retries.
//
//   OriginalFeed  the source's own bytes by native ranges: every seek is native
//   BufferFeed    the mp4 preset through MediaSource: the element's clock is the source's clock, seeks within
//                 what has arrived are native, and a broken stream goes on where it stopped
//   PlainFeed     the mp4 preset as `src`, where MediaSource or the codec is missing: the element's clock
//                 begins at 0 at `offset`, and every seek is a new stream (Chromium seeks it to 0 only)
//
// One interface: offset, open(start), canSeek(position), resumeAt(position), close().
// `report(problem)` says that a stream has failed; it is called at most once for each open().

import { Problem, explain, stream } from "./api.js";
import { around, endedEarly, pairs } from "./clock.js";
import { mediaType } from "./isobmff.js";

const AHEAD = 30; // seconds held before the position; past that we do not read, and the encoder waits
const BEHIND = 60; // seconds kept for going back
const INITIALIZATION = 1 << 20; // bytes; no initialization segment is longer
const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

const once = (target, type) =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

/** Empties the element, so that it lets go of its connection. */
function empty(video) {
  video.removeAttribute("src");
  video.load();
}

export class OriginalFeed {
  offset = 0;
  #listening = new AbortController();

  constructor(video, url, report) {
    this.video = video;
    this.url = url;
    video.addEventListener(
      "error",
      async () => report((await explain(url)) ?? new Problem(415, "The browser cannot play this file.")),
      { signal: this.#listening.signal },
    );
  }

  open(start) {
    this.video.src = this.url;
    this.video.currentTime = start;
  }

  canSeek() {
    return this.video.readyState > 0;
  }

  resumeAt(position) {
    return position;
  }

  close() {
    this.#listening.abort();
    empty(this.video);
  }
}

export class PlainFeed {
  offset = 0;
  #listening = new AbortController();

  constructor(video, urlAt, duration, report) {
    this.video = video;
    this.urlAt = urlAt;
    const { signal } = this.#listening;
    const failed = async () =>
      report((await explain(video.src)) ?? new Problem(0, "The stream was cut off."));
    video.addEventListener("error", failed, { signal });
    const ended = () => endedEarly(this.offset + video.currentTime, duration) && failed();
    video.addEventListener("ended", ended, { signal });
  }

  open(start) {
    this.offset = start;
    this.video.src = this.urlAt(start);
  }

  canSeek(position) {
    const held = around(pairs(this.video.buffered, this.offset), position);
    return held !== null && around(pairs(this.video.seekable, this.offset), position) !== null;
  }

  resumeAt(position) {
    return position;
  }

  close() {
    this.#listening.abort();
    empty(this.video);
  }
}

/** The browser has no decoder for what the preset makes: a PlainFeed may still do, or say why not. */
export class Unbuffered extends Error {}

export class BufferFeed {
  offset = 0;
  #abort = null;
  #buffer = null;
  #media = null;
  #opened = null;
  #type = "";
  #url = "";

  static supported = Boolean(Source);

  constructor(video, urlAt, duration, report) {
    this.video = video;
    this.urlAt = urlAt;
    this.duration = duration;
    this.report = report;
  }

  async open(start) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.#attach(); // before anything is awaited: play() must find a source
    try {
      await this.#fill(start, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) this.report(this.#inWords(error));
    }
  }

  canSeek(position) {
    return around(pairs(this.video.buffered), position) !== null;
  }

  /** A stream that broke goes on at the end of what we hold, without a break in the picture. */
  resumeAt(position) {
    return around(pairs(this.video.buffered), position)?.[1] ?? position;
  }

  close() {
    this.#abort?.abort();
    empty(this.video);
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  async #fill(start, signal) {
    const reader = await stream(this.urlAt(start), signal);
    const initialization = await this.#readInitialization(reader);
    await this.#prepare(start, signal);
    for (let block = initialization; block; block = await this.#read(reader)) {
      await this.#append(block, signal);
      this.#landAt(start);
      await this.#room(signal);
    }
    await this.#idle();
    signal.throwIfAborted();
    this.#finish(start);
  }

  async #read(reader) {
    try {
      return (await reader.read()).value;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "The stream was cut off.");
    }
  }

  async #readInitialization(reader) {
    let bytes = new Uint8Array();
    while (bytes.length < INITIALIZATION) {
      const block = await this.#read(reader);
      if (!block) throw new Problem(0, "The stream ended before its first picture.");
      const joined = new Uint8Array(bytes.length + block.length);
      joined.set(bytes);
      joined.set(block, bytes.length);
      bytes = joined;
      const type = this.#typeOf(bytes);
      if (!type) continue;
      if (!Source.isTypeSupported(type)) throw new Unbuffered(type);
      this.#type = type;
      return bytes;
    }
    throw new Unbuffered("no initialization segment");
  }

  #typeOf(bytes) {
    try {
      return mediaType(bytes);
    } catch (error) {
      throw new Unbuffered(error.message);
    }
  }

  #attach() {
    if (this.#media) return;
    this.#media = new Source();
    this.#opened = once(this.#media, "sourceopen");
    this.#url = URL.createObjectURL(this.#media);
    this.video.disableRemotePlayback = true; // ManagedMediaSource opens only for an element that stays here
    this.video.src = this.#url;
  }

  async #prepare(start, signal) {
    await this.#opened;
    await this.#idle();
    signal.throwIfAborted();
    if (!this.#buffer) {
      this.#buffer = this.#media.addSourceBuffer(this.#type);
      this.#media.duration = Number.isFinite(this.duration) ? this.duration : Infinity;
    }
    const goesOn = around(pairs(this.video.buffered), this.video.currentTime)?.[1] === start;
    if (!goesOn || this.#media.readyState === "ended") {
      this.#buffer.remove(goesOn ? start : 0, Infinity); // this also opens a source that had ended
      await this.#idle();
      signal.throwIfAborted();
    }
    this.#buffer.abort(); // forgets half a fragment
    this.#buffer.changeType(this.#type);
    this.#buffer.timestampOffset = start;
    if (!goesOn && this.video.currentTime !== start) this.video.currentTime = start;
  }

  async #append(block, signal) {
    for (;;) {
      await this.#idle();
      signal.throwIfAborted();
      if (this.video.error) throw new Problem(415, "The browser cannot decode this stream.");
      try {
        this.#buffer.appendBuffer(block);
        return await this.#idle();
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        await this.#forget(5);
        await Promise.race([once(this.video, "timeupdate"), new Promise((go) => setTimeout(go, 1000))]);
      }
    }
  }

  // The first frame may be some milliseconds after the asked time: the element would wait there for ever.
  #landAt(start) {
    const first = pairs(this.video.buffered).find(([from]) => from >= start)?.[0];
    const gap = first - this.video.currentTime;
    if (gap > 0 && gap < 1 && this.video.currentTime >= start - 0.001) this.video.currentTime = first + 0.001;
  }

  async #room(signal) {
    while (this.#ahead() > AHEAD) {
      await once(this.video, "timeupdate");
      signal.throwIfAborted();
    }
    await this.#forget(BEHIND);
  }

  #ahead() {
    const { buffered, currentTime } = this.video;
    return (around(pairs(buffered), currentTime)?.[1] ?? currentTime) - currentTime;
  }

  async #forget(kept) {
    const until = this.video.currentTime - kept;
    const first = this.video.buffered.length ? this.video.buffered.start(0) : Infinity;
    if (until - first < 10) return; // in steps: a removal costs more than ten seconds of memory
    await this.#idle();
    this.#buffer.remove(0, until);
    await this.#idle();
  }

  async #idle() {
    while (this.#buffer?.updating) await once(this.#buffer, "updateend");
  }

  #finish(start) {
    const end = this.video.buffered.length ? this.video.buffered.end(this.video.buffered.length - 1) : start;
    // A retry that brings nothing new means that this is the true end, whatever the duration says.
    if (endedEarly(end, this.duration) && end - start > 0.5) throw new Problem(0, "The stream ended early.");
    if (this.#media.readyState === "open") this.#media.endOfStream();
  }

  #inWords(error) {
    if (error instanceof Problem || error instanceof Unbuffered) return error;
    return new Problem(415, `The browser cannot play this stream: ${error.message}`);
  }
}
