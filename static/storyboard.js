// Small pictures of a film for the bar: WebVTT whose cues name parts of one large picture (#xywh).

import { Problem, sourceUrl, text } from "./api.js";

const AGAIN = 15_000; // milliseconds after a refusal

/** Cues as {start, end, url, x, y, width, height}, in seconds and pixels. Pure. */
export function parseStoryboard(content, base) {
  const blocks = content.replaceAll("\r\n", "\n").split(/\n{2,}/);
  return blocks.map((block) => cueOf(block.split("\n"), base)).filter(Boolean);
}

function cueOf(lines, base) {
  const at = lines.findIndex((line) => line.includes("-->"));
  const [start, end] = at < 0 ? [] : lines[at].split("-->").map(secondsOf);
  const match = /^(.*)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(lines[at + 1]?.trim() ?? "");
  if (!match || !Number.isFinite(start) || !Number.isFinite(end)) return null;
  const [x, y, width, height] = match.slice(2).map(Number);
  return { start, end, url: new URL(match[1], base).href, x, y, width, height };
}

function secondsOf(timestamp) {
  const parts = timestamp.trim().split(/\s/)[0].split(":").map(Number);
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

/** Asked for when somebody first looks: it costs the server some work. */
export class Storyboard {
  #asked = -Infinity;
  #cues = [];
  #pictures = new Map(); // url -> Image

  constructor(path) {
    this.url = sourceUrl(path, { preset: "storyboard", format: "vtt" });
  }

  /** The cue for a time whose picture is there, or null: then it is on its way. */
  at(seconds) {
    if (!this.#cues.length) return void this.#ask() ?? null;
    const cue = this.#cues.findLast(({ start }) => start <= seconds) ?? this.#cues[0];
    return this.#picture(cue.url).naturalWidth ? cue : null;
  }

  #picture(url) {
    if (!this.#pictures.has(url)) {
      const image = new Image();
      image.src = url;
      image.addEventListener("error", () => setTimeout(() => this.#pictures.delete(url), AGAIN));
      this.#pictures.set(url, image);
    }
    return this.#pictures.get(url);
  }

  async #ask() {
    if (performance.now() - this.#asked < AGAIN) return;
    this.#asked = performance.now();
    try {
      this.#cues = parseStoryboard(await text(this.url), this.url);
      for (const { url } of this.#cues) this.#picture(url);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem; // the bar shows times alone
    }
  }
}
