// One file of the gallery: a link with a picture, a poster or an icon. A picture that fails says why, and
// tries again where that may help.

import { explain, info, playerUrl, sourceUrl } from "./api.js";
import { format, speak } from "./clock.js";
import { element, icon } from "./dom.js";

const ATTEMPTS = 6;
const ARCHIVE = /zip|tar|compressed|gzip|7z|rar|xz/;

/** `picture`, `video`, `audio` or `file`: what a tile shows and where it leads. */
export function kindOf({ media_type: mediaType = "" }) {
  const [type] = mediaType.split("/");
  return { image: "picture", video: "video", audio: "audio" }[type] ?? "file";
}

/** `4.9 MB`: decimal, as file managers and disks count. */
export function sizeInWords(bytes) {
  if (!Number.isFinite(bytes)) return "";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const at = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** at;
  return `${value.toFixed(at && value < 10 ? 1 : 0)} ${units[at]}`;
}

// Small or drawn to scale: the browser shows these itself, and the server does not decode them.
const AS_THEY_ARE = new Set(["image/svg+xml", "image/bmp", "image/vnd.microsoft.icon"]);

/** The URL of a picture in another size; the server chooses a format that the browser accepts. */
export function pictureUrl(file, size, dpr = null) {
  if (AS_THEY_ARE.has(file.media_type)) return sourceUrl(file.path);
  return sourceUrl(file.path, { preset: kindOf(file) === "video" ? "poster" : null, size, dpr });
}

// As wide as a tile gets; higher, so that a portrait is wide enough too.
const TILE = "400x600";

/** The thumbnail that a tile shows: one for usual and one for dense screens. */
export function thumbnails(file) {
  const src = pictureUrl(file, TILE);
  return { src, srcset: `${src} 1x, ${pictureUrl(file, TILE, 2)} 2x` };
}

/** The list item of a file. */
export function makeTile(file) {
  const kind = kindOf(file);
  const shown = kind === "picture" || kind === "video";
  const frame = element("div", { className: "tile-frame" }, icon(iconOf(kind, file)));
  const link = element(
    "a",
    { className: "tile-link", href: hrefOf(kind, file) },
    frame,
    element(
      "div",
      { className: "tile-caption" },
      element("span", { className: "tile-name", textContent: file.name, title: file.name }),
      kind === "picture" ? null : element("span", { className: "tile-note", textContent: noteOf(file) }),
    ),
  );
  const tile = element(
    "li",
    { className: "tile", data: { kind, state: shown ? "loading" : "plain", path: file.path } },
    link,
  );
  if (kind === "picture" && !AS_THEY_ARE.has(file.media_type)) frame.append(placeholderOf(file));
  if (shown) frame.append(pictureOf(file, tile));
  else
    frame.append(
      element("span", {
        className: "tile-extension",
        textContent: extensionOf(file.name),
        ariaHidden: "true",
      }),
    );
  if (kind === "video")
    frame.append(element("span", { className: "tile-badge" }, icon("play"), element("span")));
  return tile;
}

/** Writes the duration on a video's tile; a video without one keeps its badge empty. */
export async function showDuration(tile) {
  const { duration } = await info(tile.dataset.path);
  const badge = tile.querySelector(".tile-badge span");
  if (!Number.isFinite(duration)) return;
  badge.textContent = format(duration);
  badge.setAttribute("aria-label", speak(duration));
}

function hrefOf(kind, file) {
  return kind === "video" || kind === "audio" ? playerUrl(file.path) : sourceUrl(file.path);
}

function iconOf(kind, { media_type: mediaType = "" }) {
  if (kind !== "file") return { picture: "image", video: "video", audio: "audio" }[kind];
  if (mediaType.startsWith("text/")) return "text";
  return ARCHIVE.test(mediaType) ? "archive" : "file";
}

function noteOf({ size, modified }) {
  const date = new Date(typeof modified === "number" ? modified * 1000 : modified);
  const day = Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString(undefined, { dateStyle: "medium" });
  return [sizeInWords(size), day].filter(Boolean).join(" · ");
}

function extensionOf(name) {
  const at = name.lastIndexOf(".");
  return at > 0 && name.length - at <= 9 ? name.slice(at + 1) : "";
}

// A few hundred bytes that look like the picture from afar, until it is there. Without one the tile shines.
function placeholderOf(file) {
  return element("img", {
    className: "tile-placeholder",
    alt: "",
    loading: "lazy",
    src: sourceUrl(file.path, { preset: "placeholder" }),
    on: {
      load: ({ target }) => target.classList.add("is-there"),
      error: ({ target }) => target.remove(),
    },
  });
}

// The name stands beside the picture, so its `alt` is empty: nobody wants to hear it twice.
function pictureOf(file, tile) {
  const sources = thumbnails(file);
  const image = element("img", {
    alt: "",
    width: 480,
    height: 360,
    loading: "lazy",
    decoding: "async",
    draggable: false,
  });
  let attempts = 0;
  const load = () => {
    show(tile, "loading");
    image.srcset = sources.srcset;
    image.src = sources.src;
  };
  const failed = async () => {
    attempts += 1;
    const problem = await explain(image.currentSrc || sources.src);
    const seconds = problem === null ? 0.3 : problem.retryAfter;
    if (seconds === null || attempts >= ATTEMPTS) {
      return show(
        tile,
        "broken",
        problem?.message ?? "The picture does not arrive.",
        () => ((attempts = 0), load()),
      );
    }
    if (problem) show(tile, "waiting", "Waiting for the server");
    return setTimeout(load, seconds * 1000 + Math.random() * 400); // not all tiles at the same instant
  };
  image.addEventListener("load", () => show(tile, "painted"));
  image.addEventListener("error", failed);
  load();
  return image;
}

function show(tile, state, text = "", retry = null) {
  tile.dataset.state = state;
  tile.querySelector(".tile-trouble")?.remove();
  if (!text) return;
  const again =
    retry &&
    element(
      "button",
      { type: "button", className: "pill", on: { click: retry } },
      icon("retry"),
      element("span", { textContent: "Try again" }),
    );
  tile.append(
    element("div", { className: "tile-trouble" }, element("span", { textContent: text, title: text }), again),
  );
}
