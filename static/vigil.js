// Somebody who pauses still wants the rest: while the page is seen, the segment that comes next is mentioned
// to the server every few seconds, so that its encoder waits and need not begin again.

import { mention } from "./api.js";

const EVERY = 4000; // milliseconds; the server lets an encoder go after ten seconds without a word
const LONGEST = 10 * 60_000; // milliseconds of a pause

/** Keeps vigil for a playback, for as long as the page is there. */
export function keepVigil(playback) {
  const { video } = playback;
  let since = performance.now();
  video.addEventListener("pause", () => (since = performance.now()));
  video.addEventListener("seeked", () => (since = performance.now()));
  setInterval(async () => {
    const away = document.visibilityState !== "visible" || performance.now() - since > LONGEST;
    if (!video.paused || video.ended || video.error || away) return;
    const next = await playback.next();
    if (next !== null && video.paused) await mention(next);
  }, EVERY);
}
