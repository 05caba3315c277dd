// The player page: reads the URL, asks for the facts, joins the playback to its controls.

import { playable } from "./abilities.js";
import { folderOf, folderUrl, info, nameOf, Problem, sourceUrl } from "./api.js";
import { Captions, findSidecars, textStreams } from "./captions.js";
import { clamp, delay, format, parseFragment } from "./clock.js";
import { bindControls } from "./controls.js";
import { byId, element, fillIcons } from "./dom.js";
import { bindKeys, KEYS } from "./keys.js";
import { recall, recallPosition, rememberPosition } from "./memory.js";
import { bindMenus, wishedCaptions, wishedQuality } from "./menus.js";
import { Playback } from "./playback.js";
import * as quality from "./quality.js";
import { bindStage } from "./stage.js";
import { Storyboard } from "./storyboard.js";
import { keepVigil } from "./vigil.js";

const ATTEMPTS = 5;
const SAID = 1600; // milliseconds for which a word about what has happened stays
const SAVED = 5; // seconds of watching after which the position is remembered again

const stage = byId("stage");
const video = byId("video");
const query = new URLSearchParams(location.search);
const path = query.get("source") ?? "";
let again = 0; // the timer of the next attempt to learn the facts
let countdown = 0; // the timer of the words over the picture
let silence = 0; // the timer of the words about what has happened

async function begin(attempt = 1) {
  clearTimeout(again);
  const name = nameOf(path);
  document.title = name;
  byId("title").textContent = name;
  byId("where").textContent =
    folderOf(path) === "/" ? "" : folderOf(path).slice(1, -1).replaceAll("/", " / ");
  byId("back").href = folderUrl(folderOf(path));
  byId("original").href = sourceUrl(path);
  byId("original").hidden = false;
  byId("retry").onclick = () => begin();
  stage.dataset.state = "loading";
  tell(null);
  let facts;
  try {
    facts = await info(path, playable());
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return refused(problem, attempt);
  }
  return start(facts);
}

// A server that is busy, or not there for a moment, is asked again by itself.
function refused(problem, attempt) {
  const mayPass = problem.status === 0 || problem.retryAfter !== null;
  const seconds = mayPass && attempt <= ATTEMPTS ? delay(attempt, problem.retryAfter) : null;
  stage.dataset.state = "failed";
  tell(problem.message, seconds);
  if (seconds !== null) again = setTimeout(() => begin(attempt + 1), seconds * 1000);
}

function start(facts) {
  const picture = quality.firstStream(facts, "video");
  const options = { forced: query.get("player"), quality: wishedQuality() };
  const playback = new Playback(video, path, facts, options);
  const asked = parseFragment(location.hash);
  const left = asked === null ? recallPosition(path) : null;
  const from = clamp(asked ?? left ?? 0, playback.duration);
  showFacts(facts, picture, from);
  const bound = bindStage(playback, stage, { hasPicture: Boolean(picture), say });
  const { wake, fullscreen, pictureInPicture } = bound;
  bindControls(playback, stage, {
    chapters: facts.chapters ?? [],
    storyboard: picture ? new Storyboard(path) : null,
  });
  const captions = bindCaptions(facts, picture);
  const help = () => byId("help").showModal();
  bindMenus(playback, captions, { wake, say, help, pictureInPicture });
  const toggleCaptions = () => byId("captions").hidden || captions.toggle();
  bindKeys(playback, { fullscreen, pictureInPicture, captions: toggleCaptions, help, wake, say });
  bindSystem(playback);
  bindMemory(playback);
  keepVigil(playback);
  playback.addEventListener("problem", ({ detail }) => tell(detail?.text ?? null, detail?.seconds));
  byId("retry").onclick = () => playback.retry();
  window.addEventListener("hashchange", () => {
    const seconds = parseFragment(location.hash);
    if (seconds !== null) playback.seek(seconds);
  });
  playback.open(from);
  playback.play();
  if (left !== null) say(`Going on at ${format(left)}`);
}

function showFacts(facts, picture, from) {
  const items = [...quality.facts(facts)];
  if (Number.isFinite(facts.duration ?? NaN)) items.push(format(facts.duration));
  byId("facts").replaceChildren(...items.map((text) => element("li", { textContent: text })));
  byId("audio-mark").hidden = Boolean(picture);
  stage.classList.toggle("stage-sound", !picture);
  if (!picture?.width || !picture?.height) return;
  stage.style.setProperty("--ratio", String(Math.min(Math.max(picture.width / picture.height, 0.5), 3)));
  const time = from > 0 ? { time: from.toFixed(2) } : {};
  video.poster = sourceUrl(path, { preset: "poster", size: "1280x720", ...time });
}

function bindCaptions(facts, picture) {
  const captions = new Captions(video);
  const wish = recall().captions;
  const add = (list) => {
    captions.add(list);
    const wished = captions.chosen === null ? wishedCaptions(captions.choices, wish) : null;
    if (wished !== null) captions.choose(wished);
  };
  if (!picture) return captions;
  add(textStreams(path, facts));
  findSidecars(path).then((list) => list.length && add(list));
  return captions;
}

// Keys of a keyboard, a headset or a lock screen.
function bindSystem(playback) {
  const session = navigator.mediaSession;
  if (!session || !globalThis.MediaMetadata) return;
  session.metadata = new MediaMetadata({
    title: nameOf(path),
    artwork: video.poster ? [{ src: video.poster }] : [],
  });
  const actions = {
    play: () => playback.play(),
    pause: () => playback.pause(),
    seekbackward: ({ seekOffset = 10 }) => playback.seek(playback.position - seekOffset),
    seekforward: ({ seekOffset = 10 }) => playback.seek(playback.position + seekOffset),
    seekto: ({ seekTime }) => playback.seek(seekTime),
  };
  for (const [name, action] of Object.entries(actions)) session.setActionHandler(name, action);
}

function bindMemory(playback) {
  let saved = playback.position;
  const save = () => {
    saved = playback.position;
    rememberPosition(path, saved, playback.duration);
  };
  playback.addEventListener("change", () => Math.abs(playback.position - saved) >= SAVED && save());
  for (const type of ["pause", "ended"]) video.addEventListener(type, save);
  window.addEventListener("pagehide", save);
}

/** A few words about what has happened, seen and heard for a moment. */
function say(text) {
  clearTimeout(silence);
  byId("said").textContent = text;
  silence = setTimeout(() => (byId("said").textContent = ""), SAID);
}

/** Words over the picture, with a button; `seconds` until the next attempt by itself. Null: none. */
function tell(text, seconds = null, canRetry = true) {
  clearInterval(countdown);
  byId("notice").hidden = text === null;
  byId("retry").hidden = !canRetry;
  stage.classList.toggle("stage-told", text !== null);
  if (text === null) return;
  let left = Math.ceil(seconds ?? 0);
  const show = () =>
    (byId("notice-text").textContent = left > 0 ? `${text} Trying again in ${left} s.` : text);
  show();
  if (left < 1) return;
  countdown = setInterval(() => {
    left -= 1;
    show();
    if (left < 1) clearInterval(countdown);
  }, 1000);
}

function showKeys() {
  const rows = KEYS.map(([keys, words]) =>
    element(
      "div",
      { className: "help-row" },
      element("dt", {}, ...keys.map((key) => element(key === "…" ? "span" : "kbd", { textContent: key }))),
      element("dd", { textContent: words }),
    ),
  );
  byId("help-keys").replaceChildren(...rows);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help").addEventListener("click", (event) => event.target === byId("help") && byId("help").close());
}

fillIcons();
showKeys();
if (path.startsWith("/")) begin();
else {
  stage.dataset.state = "failed";
  tell("This address names no source. Open a video from the gallery.", null, false);
}
