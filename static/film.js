// A source as HLS: its playlists, asked for once, and its segments. Knows no element.

import { bytes, explain, Problem, sourceUrl, text } from "./api.js";
import { media, multivariant, only, placeAt } from "./playlists.js";

export class Film {
  #initializations = new Map();
  #main = null;
  #playlists = new Map();
  #text = "";

  /** `play`: the codecs that the browser has, as words with commas between them. */
  constructor(path, play) {
    this.url = sourceUrl(path, { preset: "hls", play });
  }

  /** The multivariant playlist if it is there already, or null. */
  get known() {
    return this.#main;
  }

  async multivariant(signal) {
    if (!this.#main) {
      this.#text = await text(this.url, signal);
      this.#main = this.#read(multivariant, this.#text, this.url);
    }
    return this.#main;
  }

  /** Of the rendition with this address. */
  async playlist(uri, signal) {
    if (!this.#playlists.has(uri))
      this.#playlists.set(uri, this.#read(media, await text(uri, signal), uri));
    return this.#playlists.get(uri);
  }

  /** An initialization segment; it is small and asked for again and again. */
  async initialization(uri, signal) {
    if (!this.#initializations.has(uri)) this.#initializations.set(uri, await bytes(uri, signal));
    return this.#initializations.get(uri);
  }

  segment(uri, signal) {
    return bytes(uri, signal);
  }

  /** A playlist of one variant and one sound, as text; only after `multivariant`. Null means all of them. */
  only(variant, sound) {
    return only(this.#text, this.url, variant, sound);
  }

  /** The segment of a variant that holds a time. */
  async segmentAt(variant, seconds, signal) {
    const { segments } = await this.playlist(variant.uri, signal);
    return segments[placeAt(segments, seconds)] ?? null;
  }

  /** Why a browser could not play this at a time: the first refusal on the way there, or null. */
  async trouble(seconds, variant = null) {
    try {
      const { variants } = await this.multivariant();
      const shown = variant ?? variants[0];
      const segment = shown && (await this.segmentAt(shown, seconds));
      return segment ? await explain(segment.uri) : null;
    } catch (problem) {
      if (problem instanceof Problem) return problem;
      throw problem;
    }
  }

  #read(reader, content, base) {
    try {
      return reader(content, base);
    } catch (error) {
      throw new Problem(502, `The server's playlist cannot be read: ${error.message}.`);
    }
  }
}
