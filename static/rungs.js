// Which quality to take, if the player may choose: a ladder of variants, the best one first. Pure.
//
// What is measured is the pace: seconds of video that arrive in a second. It counts the way through the network
// and the work of the server's encoder alike, so the rule needs to know neither.

const SLOW = 1.15; // below this pace the video would run out
const LITTLE = 8; // seconds ahead; with more there is time to see whether the pace recovers
const PLENTY = 14; // seconds ahead from which a better quality may be tried
const SPARE = 1.6; // the pace that a better quality should still have, by the ratio of its bits
const SETTLED = 4; // segments of a quality before another one is tried
const LIGHT = 6e6; // bits per second that are taken without having measured anything
const MEASURED = 4; // segments

/** The variants that `supported(type)` takes, best first, one for each number of lines. */
export function ladder(variants, supported) {
  const taken = variants.filter(({ picture, sound }) => {
    if (picture.length) return supported(`video/mp4; codecs="${picture.join(", ")}"`);
    return supported(sound.length ? `audio/mp4; codecs="${sound.join(", ")}"` : "video/mp4");
  });
  const unlike = taken.filter(({ lines }, at) => taken.findIndex((other) => other.lines === lines) === at);
  return unlike.sort((one, other) => other.lines - one.lines);
}

/**
 * The rung to begin with on a picture of so many device pixels in height. What is only copied costs the server
 * nothing, so it is taken if it is not heavy; otherwise one that is a little coarser than the screen, since it
 * begins sooner.
 */
export function firstRung(rungs, pixels) {
  const copied = rungs.findIndex((rung) => rung.copied && rung.peak <= LIGHT);
  if (copied !== -1) return copied;
  const fits = rungs.findIndex(({ lines }) => lines <= Math.min(pixels * 0.75, 720));
  return fits === -1 ? rungs.length - 1 : fits;
}

/**
 * The rung for the next segment. `at`: the one now; `pace`: null if nothing is measured; `ahead`: seconds that
 * have arrived; `count`: segments since the last change; `pixels`: as in `firstRung`; `barred(at)`: a rung that
 * was too slow a short while ago.
 */
export function nextRung(rungs, { at, pace, ahead, count, pixels, barred = () => false }) {
  if (pace === null) return at;
  if (pace < SLOW && ahead < LITTLE) return slower(rungs, at, pace);
  const better = at - 1;
  if (better < 0 || count < SETTLED || ahead < PLENTY || barred(better)) return at;
  if (rungs[at].lines >= pixels) return at; // nobody would see the difference
  return (pace * rungs[at].average) / rungs[better].average >= SPARE ? better : at;
}

function slower(rungs, at, pace) {
  const bearable = rungs[at].average * Math.min(pace, 1) * 0.8;
  const found = rungs.findIndex(({ average }, place) => place > at && average <= bearable);
  return found === -1 ? rungs.length - 1 : found;
}

/** How fast segments come: their seconds over the seconds of waiting, of the last few. */
export class Pace {
  #parts = [];

  /** `seconds` of video came in `took` seconds. */
  add(seconds, took) {
    this.#parts = [...this.#parts, [seconds, took]].slice(-MEASURED);
  }

  clear() {
    this.#parts = [];
  }

  get value() {
    if (!this.#parts.length) return null;
    const sum = (place) => this.#parts.reduce((total, part) => total + part[place], 0);
    return sum(0) / Math.max(sum(1), 0.001);
  }
}
