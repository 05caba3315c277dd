// The player page: reads the URL, asks for the facts, joins the playback to its controls.

import { folderOf, folderUrl, info, nameOf, Problem, sourceUrl } from "./api.js";
import { clamp, format, parseFragment } from "./clock.js";
import { byId, element, fillIcons, setIcon, setLabel } from "./dom.js";
import { bindKeys } from "./keys.js";
import { Menu } from "./menu.js";
import { Playback } from "./playback.js";
import * as quality from "./quality.js";
import { Scrubber } from "./scrubber.js";

const IDLE = 2500; // milliseconds until the controls fade away
const REMEMBERED = "tornado-media.player"; // volume and height, kept between visits

const stage = byId("stage");
const video = byId("video");
let countdown = 0; // the timer of the words over the picture
const path = new URLSearchParams(location.search).get("source") ?? "";

async function begin() {
  const name = nameOf(path);
  document.title = name;
  byId("title").textContent = name;
  byId("where").textContent =
    folderOf(path) === "/" ? "" : folderOf(path).slice(1, -1).replaceAll("/", " / ");
  byId("back").href = folderUrl(folderOf(path));
  byId("original").href = sourceUrl(path);
  byId("original").hidden = false;
  byId("retry").onclick = begin;
  stage.dataset.state = "loading";
  tell(null);
  try {
    start(await info(path));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    stage.dataset.state = "failed";
    tell(problem.message);
  }
}

function start(facts) {
  const picture = quality.firstStream(facts, "video");
  const sound = quality.firstStream(facts, "audio");
  const playback = new Playback(video, path, facts.duration ?? Infinity, sound ? {} : { audio: "off" });
  showFacts(facts, picture);
  bindControls(playback);
  bindQuality(playback, picture, originalPlays(facts));
  bindStage(playback, Boolean(picture));
  bindKeys(playback, { fullscreen: toggleFullscreen, wake: () => stage.dispatchEvent(new Event("wake")) });
  bindSystem(playback);
  playback.addEventListener("problem", ({ detail }) => tell(detail?.text ?? null, detail?.seconds));
  byId("retry").onclick = () => playback.retry();
  window.addEventListener("hashchange", () => {
    const seconds = parseFragment(location.hash);
    if (seconds !== null) playback.seek(seconds);
  });
  playback.play();
}

function originalPlays(facts) {
  const type = quality.originalType(facts);
  return type !== null && video.canPlayType(type) !== "";
}

function showFacts(facts, picture) {
  const items = [...quality.facts(facts)];
  if (Number.isFinite(facts.duration ?? NaN)) items.push(format(facts.duration));
  byId("facts").replaceChildren(...items.map((text) => element("li", { textContent: text })));
  byId("audio-mark").hidden = Boolean(picture);
  stage.classList.toggle("stage-sound", !picture);
  if (!picture?.width || !picture?.height) return;
  stage.style.setProperty("--ratio", String(Math.min(Math.max(picture.width / picture.height, 0.5), 3)));
  const at = parseFragment(location.hash);
  const time = at === null ? {} : { time: clamp(at, facts.duration ?? Infinity).toFixed(2) };
  video.poster = sourceUrl(path, { preset: "poster", size: "1280x720", ...time });
}

function bindControls(playback) {
  const scrubber = new Scrubber(byId("scrubber"), (seconds) => playback.seek(seconds));
  const [play, bigPlay, mute, volume] = ["play", "big-play", "mute", "volume"].map(byId);
  play.addEventListener("click", () => playback.toggle());
  bigPlay.addEventListener("click", () => playback.toggle());
  mute.addEventListener("click", () => (video.muted = !video.muted));
  volume.addEventListener("input", () => {
    video.volume = volume.value / 100;
    video.muted = video.volume === 0;
  });
  const kept = recall();
  video.volume = kept.volume ?? 1;
  video.muted = kept.muted ?? false;
  video.addEventListener("volumechange", () => remember({ volume: video.volume, muted: video.muted }));

  const show = () => {
    const { position, duration, ended, waiting } = playback;
    const paused = video.paused;
    const verb = ended ? "Play again" : paused ? "Play" : "Pause";
    const image = ended ? "retry" : paused ? "play" : "pause";
    for (const button of [play, bigPlay])
      if (button.dataset.icon !== image) setIcon(button, (button.dataset.icon = image));
    for (const button of [play, bigPlay]) setLabel(button, verb);
    const silent = video.muted || video.volume === 0;
    setLabel(mute, silent ? "Unmute" : "Mute");
    if (mute.dataset.icon !== (silent ? "muted" : "loud"))
      setIcon(mute, (mute.dataset.icon = silent ? "muted" : "loud"));
    volume.value = silent ? 0 : Math.round(video.volume * 100);
    volume.style.setProperty("--part", `${volume.value}%`);
    byId("position").textContent = format(position);
    byId("duration").textContent = format(duration);
    byId("duration").parentElement.hidden = !Number.isFinite(duration);
    scrubber.show(playback);
    stage.dataset.state = ended
      ? "ended"
      : waiting && !(paused && video.readyState > 1)
        ? "loading"
        : paused
          ? "paused"
          : "playing";
    byId("status").textContent = stage.dataset.state === "loading" ? "Loading" : "";
  };
  playback.addEventListener("change", show);
}

function bindQuality(playback, picture, original) {
  const button = byId("quality");
  const offered = quality.heights(picture?.height);
  const choices = offered.map((value) => ({
    value,
    label: `${value}p`,
    note: value === offered[0] ? "full" : "",
  }));
  if (original) choices.unshift({ value: "original", label: "Original", note: "as it is" });
  const usual = quality.usualHeight(offered, recall().height);
  const menu = new Menu(
    button,
    byId("quality-list"),
    (value) => {
      if (value === playback.height) return;
      if (value !== "original") remember({ height: value });
      playback.setHeight(value);
      show();
    },
    () => stage.dispatchEvent(new Event("wake")),
  );
  const show = () => {
    menu.show(choices, playback.height);
    const label = choices.find(({ value }) => value === playback.height)?.label ?? "";
    byId("quality-now").textContent = label;
    setLabel(button, `Quality: ${label}`);
    button.hidden = choices.length < 2;
  };
  playback.addEventListener("unplayable", () => {
    if (choices[0]?.value === "original") choices.shift();
    playback.setHeight(usual);
    show();
  });
  playback.open(original ? "original" : usual, parseFragment(location.hash) ?? 0);
  show();
}

function bindStage(playback, hasPicture) {
  let timer = 0;
  let shownByTap = false;
  const rest = () => {
    const busy = stage.querySelector(".menu-list:not([hidden]), .controls :focus-visible");
    if (!video.paused && !busy && hasPicture) stage.classList.add("stage-idle");
  };
  const wake = () => {
    stage.classList.remove("stage-idle");
    clearTimeout(timer);
    timer = setTimeout(rest, IDLE);
  };
  for (const type of ["pointermove", "focusin", "keydown", "wake"]) stage.addEventListener(type, wake);
  stage.addEventListener("pointerleave", rest);
  playback.addEventListener("change", () => video.paused && wake());
  // A finger first brings the controls back, a mouse already has them.
  stage.addEventListener(
    "pointerdown",
    (event) => {
      shownByTap = event.pointerType !== "mouse" && stage.classList.contains("stage-idle");
      wake();
    },
    { capture: true },
  );
  video.addEventListener("click", () => shownByTap || playback.toggle());
  video.addEventListener("dblclick", toggleFullscreen);

  const full = byId("fullscreen");
  full.hidden = !(document.fullscreenEnabled || video.webkitEnterFullscreen) || !hasPicture;
  full.addEventListener("click", toggleFullscreen);
  const showFull = () => {
    setIcon(full, document.fullscreenElement ? "shrink" : "fullscreen");
    setLabel(full, document.fullscreenElement ? "Leave full screen" : "Full screen");
  };
  document.addEventListener("fullscreenchange", showFull);
  showFull();
  const pip = byId("pip");
  pip.hidden = !document.pictureInPictureEnabled || !hasPicture;
  pip.addEventListener("click", () => togglePictureInPicture());
}

async function toggleFullscreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (document.fullscreenEnabled) await stage.requestFullscreen();
  else video.webkitEnterFullscreen?.(); // an iPhone knows only the element's own full screen
}

async function togglePictureInPicture() {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else if (video.readyState > 0) await video.requestPictureInPicture();
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
    pause: () => video.pause(),
    seekbackward: ({ seekOffset = 10 }) => playback.seek(playback.position - seekOffset),
    seekforward: ({ seekOffset = 10 }) => playback.seek(playback.position + seekOffset),
    seekto: ({ seekTime }) => playback.seek(seekTime),
  };
  for (const [name, action] of Object.entries(actions)) session.setActionHandler(name, action);
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

function recall() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {}; // storage may be forbidden or hold what another version wrote
  }
}

function remember(values) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify({ ...recall(), ...values }));
  } catch {
    // a visit without memory is still a visit
  }
}

fillIcons();
if (path.startsWith("/")) begin();
else {
  stage.dataset.state = "failed";
  tell("This address names no source. Open a video from the gallery.", null, false);
}
