// HLS playlists (RFC 8216), read as far as this player needs them. Pure: a text and its address in, values out.

const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^,]*)/g;
const PICTURE = /^(?:avc[13]|hvc1|hev1|av01|vp0?[89])/;

/**
 * A multivariant playlist: its variants in their order, and the sounds that go with them.
 * `lines` is the shorter side of the picture, 0 for sound alone; `copied` that nothing is encoded for it.
 */
export function multivariant(text, base) {
  const variants = [];
  const sounds = [];
  let waiting = null;
  for (const line of linesOf(text)) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) waiting = attributes(line);
    else if (line.startsWith("#EXT-X-MEDIA:")) {
      const found = attributes(line);
      if (found.TYPE === "AUDIO" && found.URI) sounds.push(soundOf(found, base));
    } else if (waiting && !line.startsWith("#")) {
      variants.push(variantOf(waiting, new URL(line, base).href));
      waiting = null;
    }
  }
  return { variants, sounds };
}

/** A media playlist: its initialization segment, and its segments with their times in seconds. */
export function media(text, base) {
  const segments = [];
  let initialization = null;
  let seconds = 0;
  let duration = 0;
  for (const line of linesOf(text)) {
    if (line.startsWith("#EXT-X-MAP:")) initialization = new URL(attributes(line).URI, base).href;
    else if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice(8));
    else if (!line.startsWith("#")) {
      const [start, end] = [duration, duration + seconds];
      segments.push({ number: segments.length, uri: new URL(line, base).href, start, end });
      duration = end;
    }
  }
  return { initialization, segments, duration };
}

/**
 * The same multivariant playlist with one variant and one sound only (null: all of them), and with absolute
 * addresses: so it can be given to a browser that chooses by itself.
 */
export function only(text, base, variant, sound) {
  const kept = [];
  let tag = null;
  for (const line of linesOf(text)) {
    const found = line.startsWith("#EXT-X-MEDIA:") ? attributes(line) : null;
    if (line.startsWith("#EXT-X-STREAM-INF:")) tag = line;
    else if (found?.URI) {
      const uri = new URL(found.URI, base).href;
      const chosen = found.TYPE === "AUDIO" && sound !== null;
      if (chosen && uri !== sound) continue;
      const named = line.replace(/URI="[^"]*"/, () => `URI="${uri}"`);
      kept.push(chosen ? named.replace(/(^|[,:])DEFAULT=NO/, "$1DEFAULT=YES") : named);
    } else if (tag && !line.startsWith("#")) {
      const uri = new URL(line, base).href;
      if (variant === null || uri === variant) kept.push(tag, uri);
      tag = null;
    } else kept.push(line);
  }
  return `${kept.join("\n")}\n`;
}

/** The segment that is seen at a time: its place in the list; the first or last for a time outside. */
export function placeAt(segments, seconds) {
  const place = segments.findIndex(({ end }) => seconds < end);
  return place === -1 ? segments.length - 1 : place;
}

function linesOf(text) {
  const lines = text.split(/\r?\n/).filter(Boolean);
  if (lines[0] !== "#EXTM3U") throw new Error("this is no playlist");
  return lines;
}

function attributes(line) {
  const list = line.slice(line.indexOf(":") + 1).matchAll(ATTRIBUTE);
  return Object.fromEntries([...list].map(([, name, value]) => [name, value.replace(/^"|"$/g, "")]));
}

function variantOf(found, uri) {
  const [width = 0, height = 0] = (found.RESOLUTION ?? "").split("x").map(Number);
  const codecs = (found.CODECS ?? "").split(",").filter(Boolean);
  const peak = Number(found.BANDWIDTH) || 0;
  return {
    uri,
    width,
    height,
    lines: Math.min(width, height),
    peak, // bits per second
    average: Number(found["AVERAGE-BANDWIDTH"]) || peak,
    picture: codecs.filter((name) => PICTURE.test(name)),
    sound: codecs.filter((name) => !PICTURE.test(name)),
    group: found.AUDIO ?? null,
    copied: new URL(uri).searchParams.get("copy") === "on",
  };
}

function soundOf(found, base) {
  return {
    uri: new URL(found.URI, base).href,
    name: found.NAME ?? "",
    language: found.LANGUAGE ?? null,
    usual: found.DEFAULT === "YES",
    group: found["GROUP-ID"],
  };
}
