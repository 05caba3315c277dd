// The player's keys, the ones that players on the web have taught everyone.

import { nextSpeed, speedInWords } from "./menus.js";

const VOLUME_STEP = 0.05;
const OF_SLIDERS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);
const ALONG = { ArrowUp: "ArrowRight", ArrowDown: "ArrowLeft" }; // on the bar, which is a slider

/** What the help shows: pairs of keys and words. */
export const KEYS = [
  [["Space", "K"], "Play or pause"],
  [["←", "→"], "5 seconds back or on"],
  [["J", "L"], "10 seconds back or on"],
  [["Page Down", "Page Up"], "30 seconds back or on"],
  [["0", "…", "9"], "To a tenth of the whole"],
  [["Home", "End"], "To the beginning or the end"],
  [[",", "."], "One picture back or on"],
  [["<", ">"], "Slower or faster"],
  [["↑", "↓"], "Volume"],
  [["M"], "Mute"],
  [["C"], "Captions"],
  [["F"], "Full screen"],
  [["I"], "Picture in picture"],
  [["?"], "These keys"],
];

/**
 * Binds the document's keys to a playback. Functions: `fullscreen`, `pictureInPicture` (or null), `captions`
 * toggle; `help` shows the keys, `wake` the controls, `say(text)` tells what has happened.
 */
export function bindKeys(playback, { fullscreen, pictureInPicture, captions, help, wake, say }) {
  const { video } = playback;
  const by = (seconds) => () => playback.seek(playback.position + seconds);
  const louder = (step) => () => {
    video.volume = Math.min(1, Math.max(0, video.volume + step));
    video.muted = video.volume === 0;
    say(`Volume ${Math.round(video.volume * 100)} %`);
  };
  const faster = (steps) => () => {
    playback.setRate(nextSpeed(video.playbackRate, steps));
    say(`Speed ${speedInWords(video.playbackRate)}`);
  };
  const actions = {
    " ": () => playback.toggle(),
    k: () => playback.toggle(),
    ArrowLeft: by(-5),
    ArrowRight: by(5),
    j: by(-10),
    l: by(10),
    PageDown: by(-30),
    PageUp: by(30),
    ArrowUp: louder(VOLUME_STEP),
    ArrowDown: louder(-VOLUME_STEP),
    ",": () => playback.step(-1),
    ".": () => playback.step(1),
    "<": faster(-1),
    ">": faster(1),
    m: () => (video.muted = !video.muted),
    c: captions,
    f: fullscreen,
    i: () => pictureInPicture?.(),
    "?": help,
    Home: () => playback.seek(0),
    End: () => Number.isFinite(playback.duration) && playback.seek(playback.duration),
  };
  for (let digit = 0; digit <= 9; digit += 1) {
    actions[digit] = () =>
      Number.isFinite(playback.duration) && playback.seek((playback.duration * digit) / 10);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = actions[(target.matches("[role=slider]") && ALONG[key]) || key];
    if (!action || (key === " " && target.matches("button, a"))) return;
    if ((target.matches("input") && OF_SLIDERS.has(key)) || target.closest("dialog")) return;
    event.preventDefault();
    wake();
    action();
  });
}
