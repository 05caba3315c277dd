// The picture itself: taps and clicks on it, controls that fade away, full screen, picture in picture.

import { byId, setIcon, setLabel } from "./dom.js";

const IDLE = 2500; // milliseconds until the controls fade away
const DOUBLE = 300; // milliseconds between the taps of a double tap
const JUMP = 10; // seconds

/** What a tap at `part` of the width (0 to 1) means: seconds to jump, 0 in the middle. */
export function jumpAt(part) {
  if (part < 1 / 3) return -JUMP;
  return part > 2 / 3 ? JUMP : 0;
}

/** Gives {wake, fullscreen, pictureInPicture}: functions; the last one null where there is none. */
export function bindStage(playback, stage, { hasPicture, say }) {
  const { video } = playback;
  const { wake, hide } = bindIdle(playback, stage, hasPicture);
  bindTouch(playback, stage, { wake, hide, say });
  video.addEventListener("click", ({ pointerType }) => pointerType !== "touch" && playback.toggle());
  video.addEventListener("dblclick", (event) => !isTouched(event) && fullscreen(stage, video));
  const full = byId("fullscreen");
  full.hidden = !(document.fullscreenEnabled || video.webkitEnterFullscreen) || !hasPicture;
  full.addEventListener("click", () => fullscreen(stage, video));
  const showFull = () => {
    setIcon(full, document.fullscreenElement ? "shrink" : "fullscreen");
    setLabel(full, document.fullscreenElement ? "Leave full screen" : "Full screen");
  };
  document.addEventListener("fullscreenchange", showFull);
  showFull();
  const pip = byId("pip");
  pip.hidden = !document.pictureInPictureEnabled || !hasPicture;
  pip.addEventListener("click", () => pictureInPicture(video));
  return {
    wake,
    fullscreen: () => !full.hidden && fullscreen(stage, video),
    pictureInPicture: pip.hidden ? null : () => pictureInPicture(video),
  };
}

function bindIdle(playback, stage, hasPicture) {
  let timer = 0;
  const hide = () => hasPicture && stage.classList.add("stage-idle");
  const rest = () => {
    const busy = stage.querySelector(".menu-list:not([hidden]), .controls :focus-visible");
    if (!playback.paused && !busy) hide();
  };
  const wake = () => {
    stage.classList.remove("stage-idle");
    clearTimeout(timer);
    timer = setTimeout(rest, IDLE);
  };
  for (const type of ["focusin", "keydown"]) stage.addEventListener(type, wake);
  stage.addEventListener("pointermove", (event) => !isTouched(event) && wake());
  byId("controls").addEventListener("pointerdown", wake);
  stage.addEventListener("pointerleave", (event) => !isTouched(event) && rest());
  playback.addEventListener("change", () => playback.paused && stage.dataset.state !== "loading" && wake());
  return { wake, hide };
}

// One tap shows or hides the controls; a second one soon after it jumps, and so does each further one.
function bindTouch(playback, stage, { wake, hide, say }) {
  let last = { at: -Infinity, jump: 0 };
  let sum = 0;
  playback.video.addEventListener("pointerup", (event) => {
    if (!isTouched(event) || !event.isPrimary) return;
    const { left, width } = stage.getBoundingClientRect();
    const jump = jumpAt((event.clientX - left) / width);
    const again = event.timeStamp - last.at < DOUBLE && jump === last.jump && jump !== 0;
    last = { at: event.timeStamp, jump };
    if (again) {
      sum += jump;
      playback.seek(playback.position + jump);
      say(`${sum > 0 ? "+" : "−"}${Math.abs(sum)} s`);
      return;
    }
    sum = 0;
    if (stage.classList.contains("stage-idle") || playback.paused) wake();
    else hide();
  });
}

function isTouched({ pointerType, sourceCapabilities }) {
  return pointerType === "touch" || Boolean(sourceCapabilities?.firesTouchEvents);
}

async function fullscreen(stage, video) {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (document.fullscreenEnabled) await stage.requestFullscreen();
  else video.webkitEnterFullscreen?.(); // an iPhone knows only the element's own full screen
}

async function pictureInPicture(video) {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else if (video.readyState > 0) await video.requestPictureInPicture();
}
