// Captions: the text streams of the film and the files beside it, shown by the browser's own <track>.

import { explain, folderOf, list, nameOf, Problem, sourceUrl } from "./api.js";
import { element } from "./dom.js";

const SIDECAR = /\.(srt|vtt|ass)$/i;
const LANGUAGE = /^[a-z]{2,3}(?:-[a-z0-9]+)*$/i;
const PAGES = 5; // of a folder; in one with thousands of files it is not worth more

/** Streams of the film that are text: {id, url, language, label, forced}. */
export function textStreams(path, info) {
  const streams = (info.streams ?? []).filter(({ type, text }) => type === "subtitle" && text);
  return streams.map(({ index, language, title, forced }) => ({
    id: `stream-${index}`,
    url: sourceUrl(path, { preset: "subtitles", stream: index }),
    language: language ?? null,
    label: [title ?? languageName(language) ?? `Track ${index}`, forced && !title ? "forced" : ""]
      .filter(Boolean)
      .join(", "),
    forced: Boolean(forced),
  }));
}

/** Files with the film's name beside it: `film.srt`, `film.de.vtt`. `files` is a folder's listing. */
export function sidecars(path, files) {
  const stem = nameOf(path).replace(/\.[^.]*$/, "");
  const found = files.filter(({ name }) => SIDECAR.test(name) && name.startsWith(`${stem}.`));
  return found.map(({ name, path: file }) => {
    const middle = name.slice(stem.length).replace(SIDECAR, "").replace(/^\./, "");
    const language = LANGUAGE.test(middle) ? middle : null;
    const label = languageName(language) ?? (middle || "File");
    const url = sourceUrl(file, { preset: "captions" });
    return { id: `file-${name}`, url, language, label, note: "file", forced: false };
  });
}

/** `de` as `German`, in the language of the reader; null when it is not a language. */
export function languageName(code, reader = undefined) {
  if (!code || !LANGUAGE.test(code)) return null;
  const name = new Intl.DisplayNames(reader ?? navigator.languages, { type: "language" }).of(code);
  return name === code ? null : name[0].toUpperCase() + name.slice(1);
}

/** The files beside a film; none where the folder may not be listed. */
export async function findSidecars(path) {
  const files = [];
  let after;
  try {
    for (let page = 0; page < PAGES; page += 1) {
      const found = await list(folderOf(path), after);
      files.push(...found.files);
      after = found.next;
      if (!after) break;
    }
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  }
  return sidecars(path, files);
}

/** Events: `change`, and `problem`, whose detail is words. */
export class Captions extends EventTarget {
  #node = null;
  #last = null;
  chosen = null; // the id of a choice, or null

  constructor(video) {
    super();
    this.video = video;
    this.choices = [];
    // A browser that plays HLS may bring captions of its own: two at once nobody can read.
    video.textTracks.addEventListener("addtrack", () => this.#quiet());
  }

  add(choices) {
    this.choices = [...this.choices, ...choices];
    this.dispatchEvent(new Event("change"));
  }

  choose(id) {
    const choice = this.choices.find((candidate) => candidate.id === id) ?? null;
    this.#node?.remove();
    this.#node = null;
    this.chosen = choice?.id ?? null;
    this.#last = this.chosen ?? this.#last;
    if (choice) this.#show(choice);
    this.#quiet();
    this.dispatchEvent(new Event("change"));
  }

  /** Off, or on with those that were chosen last. */
  toggle() {
    this.choose(this.chosen === null ? (this.#last ?? this.choices[0]?.id ?? null) : null);
  }

  #show({ url, language, label }) {
    const node = element("track", { kind: "subtitles", src: url, label, srclang: language ?? "und" });
    node.addEventListener("error", async () => {
      const problem = await explain(url);
      const words = problem?.message ?? "they cannot be read.";
      if (node === this.#node)
        this.dispatchEvent(new CustomEvent("problem", { detail: `No captions: ${words}` }));
    });
    this.video.append(node);
    this.#node = node;
  }

  #quiet() {
    for (const track of this.video.textTracks) {
      const mode = track === this.#node?.track ? "showing" : "disabled";
      if (track.mode !== mode) track.mode = mode;
    }
  }
}
