// HLS by us, through MediaSource: picture and sound are two tracks, each with a buffer of its own, and this
// joins them: which rendition they take, when all has arrived, what to do where nothing can be seen.
// The interface is that of `feeds.js`.

import { Source } from "./abilities.js";
import { Problem } from "./api.js";
import { around, pairs } from "./clock.js";
import { empty } from "./feeds.js";
import { placeAt } from "./playlists.js";
import { firstRung, nextRung, Pace } from "./rungs.js";
import { Track } from "./track.js";

const AHEAD = 30; // seconds that are fetched before they are seen
const TOGETHER = 6; // seconds that the sound may be further than the picture, which needs the line more
const LATE = 6; // seconds for a segment, with nothing left to show, until a coarser one is tried
const BARRED = 60_000; // milliseconds for which a quality that was too slow is not tried again

const once = (target, type) =>
  new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

export class SegmentFeed {
  #abort = new AbortController();
  #at = 0; // the rung now
  #barred = new Map(); // rung -> when it may be tried again, and how long it was barred
  #count = 0; // segments since the last change of the rung
  #failed = false;
  #media = null;
  #pace = new Pace();
  #tracks = []; // the picture's first; empty until both are ready
  #url = "";

  constructor(video, film, rungs, choice, report) {
    this.video = video;
    this.film = film;
    this.rungs = rungs;
    this.choice = choice;
    this.report = report;
    const { signal } = this.#abort;
    const jumped = () => this.#each((track) => track.jumped());
    const looked = () => {
      this.#leap();
      this.#each((track) => track.poke());
    };
    video.addEventListener("seeking", jumped, { signal });
    for (const type of ["timeupdate", "waiting"]) video.addEventListener(type, looked, { signal });
    const patience = setInterval(() => this.#lookAtLate(), 1000);
    signal.addEventListener("abort", () => clearInterval(patience));
    video.addEventListener("error", () => this.#fail(this.#undecodable()), { signal });
  }

  /** The lines of the rung that is fetched; those of the picture may be the old ones for some seconds. */
  get shown() {
    return this.film.known && this.#tracks.length ? (this.rungs()[this.#at]?.lines ?? 0) : 0;
  }

  async open(start) {
    this.#attach(); // before anything is awaited: play() must find a source
    this.video.currentTime = start;
    try {
      await this.#begin(this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#fail(error);
    }
  }

  held(position) {
    return around(pairs(this.video.buffered), position) !== null;
  }

  reach(position) {
    return around(pairs(this.video.buffered), position)?.[1] ?? position;
  }

  go(position) {
    this.video.currentTime = position;
    this.#each((track) => track.jumped()); // before the first frame no event would tell
  }

  /** After a failure that was reported: goes on from where we are. */
  resume(start) {
    this.#failed = false;
    if (!this.#tracks.length) return this.open(start);
    this.video.currentTime = start; // also where it is: an element that waits at a hole looks again
    this.#each((track) => track.resume());
    return undefined;
  }

  /** Another quality, from the next segment on, or another sound, from this one on. */
  async use(choice) {
    const before = this.choice;
    this.choice = choice;
    if (!this.#tracks.length) return;
    const now = this.video.currentTime;
    const [picture, sound] = this.#tracks;
    if (choice.lines !== before.lines && choice.lines !== "auto") {
      const at = this.rungs().findIndex(({ lines }) => lines === choice.lines);
      const boundary = (segments) => segments.find(({ start }) => start >= now + 0.3)?.start ?? Infinity;
      if (at !== -1 && at !== this.#at) await this.#climb(picture, at, boundary);
    }
    if (choice.sound !== before.sound && sound)
      await sound.use(this.#soundOf(this.rungs()[this.#at]).uri, (segments) =>
        segments.length ? segments[placeAt(segments, now)].start : 0,
      );
  }

  /** The address of the segment of the picture that will be needed first; null while one is on its way. */
  async wanted() {
    const [picture] = this.#tracks;
    return !picture || picture.busy ? null : (picture.next?.uri ?? null);
  }

  close() {
    this.#abort.abort();
    this.#each((track) => track.close());
    empty(this.video);
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  #each(act) {
    for (const track of this.#tracks) act(track);
  }

  #attach() {
    if (this.#media) return;
    this.#media = new Source();
    this.#url = URL.createObjectURL(this.#media);
    this.video.disableRemotePlayback = true; // ManagedMediaSource opens only for an element that stays here
    this.video.src = this.#url;
  }

  async #begin(signal) {
    const opened = this.#media.readyState === "open" ? null : once(this.#media, "sourceopen");
    const { sounds } = await this.film.multivariant(signal);
    const rungs = this.rungs();
    if (!rungs.length) throw new Problem(415, "The browser can play nothing that the server can make of this.");
    const chosen = rungs.findIndex(({ lines }) => lines === this.choice.lines);
    this.#at = chosen === -1 ? firstRung(rungs, this.#pixels) : chosen;
    const rung = rungs[this.#at];
    const addresses = [rung.uri];
    if (rung.group && sounds.some(({ group }) => group === rung.group))
      addresses.push(this.#soundOf(rung).uri);
    const tracks = addresses.map((_, place) => this.#makeTrack(place === 0));
    const types = await Promise.all(tracks.map((track, place) => track.open(addresses[place], signal)));
    await opened;
    signal.throwIfAborted();
    const unknown = types.find((type) => !Source.isTypeSupported(type));
    if (unknown) throw new Problem(415, `The browser cannot play ${unknown}.`);
    this.#media.duration = Math.max(...tracks.map(({ duration }) => duration));
    const buffers = types.map((type) => this.#media.addSourceBuffer(type)); // all of them before any is fed
    this.#tracks = tracks;
    tracks.forEach((track, place) => track.attach(buffers[place]));
  }

  #makeTrack(isPicture) {
    const arrived = (segment, took) => isPicture && this.#measure(segment, took);
    const changed = () => this.#settle();
    const now = () => this.video.currentTime;
    const ahead = () => (isPicture ? AHEAD : Math.min(AHEAD, this.#tracks[0].reach - now() + TOGETHER));
    return new Track(this.film, now, {
      ahead,
      arrived,
      changed,
      failed: (error) => this.#fail(error),
    });
  }

  #soundOf({ group }) {
    const sounds = this.film.known.sounds.filter((sound) => sound.group === group);
    const chosen = sounds.find(({ uri }) => uri === this.choice.sound);
    return chosen ?? sounds.find(({ usual }) => usual) ?? sounds[0];
  }

  get #pixels() {
    return this.video.clientHeight * Math.min(devicePixelRatio, 2);
  }

  #measure({ start, end }, took) {
    this.#pace.add(end - start, took);
    this.#count += 1;
    const now = this.video.currentTime;
    const rungs = this.rungs();
    if (rungs.some(({ lines }) => lines === this.choice.lines)) return;
    const at = nextRung(rungs, {
      at: this.#at,
      pace: this.#pace.value / this.video.playbackRate,
      ahead: this.reach(now) - now,
      count: this.#count,
      pixels: this.#pixels,
      barred: (rung) => (this.#barred.get(rung)?.until ?? 0) > performance.now(),
    });
    this.#move(at);
  }

  #move(at) {
    if (at === this.#at) return;
    if (at > this.#at) this.#bar(this.#at);
    this.#climb(this.#tracks[0], at);
  }

  // A segment that does not come has no pace yet, but it is too slow.
  #lookAtLate() {
    const late = this.#tracks[0]?.late;
    const rungs = this.rungs();
    if (!late || late.took < LATE || rungs.some(({ lines }) => lines === this.choice.lines)) return;
    const now = this.video.currentTime;
    const pace = late.seconds / late.took;
    this.#move(nextRung(rungs, { at: this.#at, pace, ahead: this.reach(now) - now, count: 0, pixels: 0 }));
  }

  // Twice as long each time, so that the picture does not go up and down for ever.
  #bar(rung) {
    const time = 2 * (this.#barred.get(rung)?.time ?? BARRED / 2);
    this.#barred.set(rung, { time, until: performance.now() + time });
  }

  #climb(picture, at, boundary) {
    this.#at = at;
    this.#count = 0;
    this.#pace.clear();
    return picture.use(this.rungs()[at].uri, boundary);
  }

  #settle() {
    if (this.#abort.signal.aborted || !this.#tracks.length || this.#failed) return;
    this.#leap();
    this.#each((track) => track.poke());
    const whole = this.#tracks.every((track) => track.next === null && !track.busy);
    if (whole && this.#media.readyState === "open") this.#media.endOfStream();
  }

  // Where the source itself shows nothing the element would wait for ever: on to the next frame.
  #leap() {
    const { video } = this;
    if (!this.#tracks.length || video.readyState > 2 || video.seeking) return;
    const now = video.currentTime;
    const ranges = pairs(video.buffered);
    const next = ranges.find(([start]) => start > now)?.[0];
    if (next === undefined || around(ranges, now, 0)) return;
    const empty = this.#tracks.every((track) => (track.next?.start ?? Infinity) >= next - 0.1);
    if (empty) video.currentTime = next + 0.001;
  }

  #undecodable() {
    const reason = this.video.error?.message || "it gives no reason";
    return new Problem(415, `The browser cannot decode this: ${reason}.`);
  }

  #fail(error) {
    if (this.#failed || this.#abort.signal.aborted) return;
    this.#failed = true;
    const known = error instanceof Problem;
    this.report(known ? error : new Problem(415, `This cannot be played: ${error.message}`));
  }
}
