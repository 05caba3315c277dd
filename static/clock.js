// Arithmetic of time in seconds: no element, no fetch, no state.

/** `75.4` as `1:15`, `3675` as `1:01:15`; an unknown time as `-:--`. */
export function format(seconds) {
  if (!Number.isFinite(seconds)) return "-:--";
  const whole = Math.floor(Math.max(0, seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** The same in words, for those who listen: `1 minute 15 seconds`. */
export function speak(seconds) {
  if (!Number.isFinite(seconds)) return "unknown";
  const whole = Math.floor(Math.max(0, seconds));
  const parts = [
    [Math.floor(whole / 3600), "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ].filter(([count]) => count);
  const words = parts.map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return words.length ? words.join(" ") : "0 seconds";
}

/** The start in a fragment, as Media Fragments writes it: `#t=40`, `#t=npt:1:20.5`, `#t=10,20`; else null. */
export function parseFragment(fragment) {
  const value = new URLSearchParams(fragment.replace(/^#/, "")).get("t");
  const match = /^(?:npt:)?(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?)s?(?:,.*)?$/.exec(value ?? "");
  if (!match) return null;
  const [, hours = 0, minutes = 0, seconds] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** `seconds` held between 0 and a little before the end: a stream that starts at its end has no frame. */
export function clamp(seconds, duration, margin = 0.5) {
  const last = Number.isFinite(duration) ? Math.max(0, duration - margin) : Infinity;
  return Math.min(Math.max(0, seconds), last);
}

/** TimeRanges as pairs of seconds. */
export function pairs(ranges) {
  return Array.from({ length: ranges.length }, (_, at) => [ranges.start(at), ranges.end(at)]);
}

/** The pair that holds a time, or null. A seek may fall `slack` seconds before the first frame of it. */
export function around(list, seconds, slack = 0.1) {
  return list.find(([start, end]) => seconds >= start - slack && seconds < end) ?? null;
}

/** Seconds until attempt `count` (from 1): 0.5, 1, 2, 4, 8, unless the server has named its own. */
export function delay(count, retryAfter = null) {
  return retryAfter ?? Math.min(8, 0.5 * 2 ** (count - 1));
}
