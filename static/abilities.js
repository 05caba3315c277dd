// What this browser plays: asked of the browser itself, once for each page.

/** MediaSource, or the one that saves power, which is the only one on iPhones. */
export const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

const PLAYLIST = "application/vnd.apple.mpegurl";

// For each word of the server's parameter `play` the type that stands for it (RFC 6381). What can be copied
// into fragments must be taken as fragments; the other ones are for originals only.
const FRAGMENTS = {
  h264: 'video/mp4; codecs="avc1.640028"',
  hevc: 'video/mp4; codecs="hvc1.1.6.L120.B0"',
  av1: 'video/mp4; codecs="av01.0.08M.08"',
  vp9: 'video/mp4; codecs="vp09.00.40.08"',
  aac: 'audio/mp4; codecs="mp4a.40.2"',
  mp3: 'audio/mp4; codecs="mp4a.6B"',
  opus: 'audio/mp4; codecs="opus"',
  flac: 'audio/mp4; codecs="flac"',
  ac3: 'audio/mp4; codecs="ac-3"',
  eac3: 'audio/mp4; codecs="ec-3"',
};
const ORIGINALS = { vp8: 'video/webm; codecs="vp8"', vorbis: 'audio/webm; codecs="vorbis"' };

/** Whether fragments of this type can be given to a SourceBuffer, or to the element where there is none. */
export function takes(type) {
  return Source ? Source.isTypeSupported(type) : plays(type);
}

/** Whether the element takes a file of this type. */
export function plays(type, video = document.createElement("video")) {
  return video.canPlayType(type) !== "";
}

/** The value of the parameter `play`: words with commas between them, in alphabetical order. */
export function playable() {
  const words = Object.keys(FRAGMENTS).filter((word) => takes(FRAGMENTS[word]));
  const others = Object.keys(ORIGINALS).filter((word) => plays(ORIGINALS[word]));
  return [...words, ...others].sort().join(",");
}

/**
 * The ways to play a source, the best one first: "original" (the file itself), "native" (HLS by the browser),
 * "mse" (HLS by us). `forced` is one of them, or null; `original` is the type of the file, or null; `uneven`: the
 * qualities have segments of unequal lengths, which Chromium 156 takes for equal ones when it changes between them.
 */
export function ways(original, forced = null, uneven = false) {
  const list = [];
  if (original && plays(original)) list.push("original");
  if (Source && uneven) list.push("mse");
  if (plays(PLAYLIST)) list.push("native");
  if (Source && !uneven) list.push("mse");
  return forced === null ? list : list.filter((way) => way === forced);
}
