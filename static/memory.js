// What a browser remembers between visits: settings, and how far each source was watched. Nothing leaves it.

const SETTINGS = "tornado-media.player";
const POSITIONS = "tornado-media.positions";
const KEPT = 200; // sources
const SHORT = 10; // seconds: who has seen less begins again

/** Volume, speed, quality, language of captions; an empty object at first. */
export function recall() {
  return read(SETTINGS);
}

export function remember(values) {
  write(SETTINGS, { ...recall(), ...values });
}

/** Where a source was left, in seconds; null if it was not begun or was watched to its end. */
export function recallPosition(path) {
  return read(POSITIONS)[path]?.[0] ?? null;
}

/** `now`: milliseconds since 1970, for forgetting the oldest. */
export function rememberPosition(path, position, duration, now = Date.now()) {
  const positions = read(POSITIONS);
  delete positions[path];
  if (worthwhile(position, duration)) positions[path] = [Math.floor(position), now];
  const latest = Object.entries(positions).sort(([, [, one]], [, [, other]]) => other - one);
  write(POSITIONS, Object.fromEntries(latest.slice(0, KEPT)));
}

/** Whether somebody who stopped here would want to go on here. */
export function worthwhile(position, duration) {
  if (!Number.isFinite(duration)) return position >= SHORT;
  return position >= SHORT && duration - position > Math.max(SHORT, duration * 0.03);
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {}; // storage may be forbidden or hold what another version wrote
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a visit without memory is still a visit
  }
}
