// What the pages ask of the server, and what it answers when it cannot: the only module that fetches.

/** The root under which the server is mounted: this file is at `ROOT/-/static/api.js`. */
export const root = new URL("../../", import.meta.url).href;

/** A refusal in words. `status` is 0 when no answer came; `retryAfter`: seconds, null if waiting is idle. */
export class Problem extends Error {
  constructor(status, detail, retryAfter = null) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

// A slash and a comma may stand in a query (RFC 3986 section 3.4); folders and lists are easier to read so.
const encode = (value) => encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%2C", ",");

function query(parameters) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return pairs.length ? `?${pairs.map(([name, value]) => `${name}=${encode(value)}`).join("&")}` : "";
}

/** The URL of a source and of what to make of it. `path` is decoded and begins with a slash. */
export function sourceUrl(path, parameters = {}) {
  const segments = path.replace(/^\/+/, "").split("/").map(encodeURIComponent);
  return root + segments.join("/") + query(parameters);
}

/** The gallery's URL for a folder; `name` is the file that it shows large. */
export function folderUrl(folder, name = "") {
  const where = folder === "/" ? "" : query({ folder });
  return `${root}-/${where}${name ? `#${encodeURIComponent(name)}` : ""}`;
}

/** The player's URL for a source. */
export function playerUrl(path) {
  return `${root}-/play${query({ source: path })}`;
}

/** The folder that holds a source: `/a/b.mkv` gives `/a/`. */
export function folderOf(path) {
  return path.slice(0, path.lastIndexOf("/") + 1) || "/";
}

/** The last segment of a path. */
export function nameOf(path) {
  return path.replace(/\/+$/, "").split("/").pop();
}

/** One page of a folder. */
export function list(folder, after, signal) {
  return getJson(`${root}-/list${query({ folder, after })}`, signal);
}

/**
 * What the server knows of a video or a sound: media type, duration in seconds, streams; and how to play it,
 * with the codecs that the browser has (`play`: words with commas between them).
 */
export function info(path, play, signal) {
  return getJson(sourceUrl(path, { preset: "info", play }), signal);
}

/** The text behind a URL. Throws a Problem when it is refused, as all of these do. */
export async function text(url, signal) {
  return whole(url, signal, "text");
}

/** The bytes behind a URL, all of them. */
export async function bytes(url, signal) {
  return whole(url, signal, "arrayBuffer");
}

/** Asks for the head of a URL, so that the server knows that somebody will want it; the answer is no matter. */
export async function mention(url) {
  try {
    await fetch(url, { method: "HEAD", cache: "no-store" });
  } catch {
    // it will be asked for in earnest, with words if it fails
  }
}

/** Why a URL that an `<img>` or `<video>` asked for has failed; null when it answers well by now. */
export async function explain(url) {
  const abort = new AbortController();
  try {
    await ask(url, { signal: abort.signal });
    return null;
  } catch (problem) {
    if (problem instanceof Problem) return problem;
    throw problem;
  } finally {
    abort.abort(); // the status is enough; the rest of the content is not worth its bytes
  }
}

async function getJson(url, signal) {
  return whole(url, signal, "json");
}

async function whole(url, signal, kind) {
  const response = await ask(url, { signal });
  try {
    return await response[kind]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The connection was cut off.");
  }
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: "application/json, */*;q=0.5" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer.");
  }
  if (response.ok) return response;
  throw new Problem(response.status, await detailOf(response), retryAfterOf(response));
}

async function detailOf(response) {
  const fallback = `The server answers ${response.status} ${response.statusText}`.trim();
  if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) return `${fallback}.`;
  try {
    return (await response.json()).detail ?? `${fallback}.`;
  } catch {
    return `${fallback}.`; // a refusal that was cut off is still a refusal
  }
}

function retryAfterOf(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 1), 60);
}
