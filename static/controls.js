// The buttons and the bar below the picture: they show a playback and pass on what is pressed.

import { format } from "./clock.js";
import { byId, setIcon, setLabel } from "./dom.js";
import { recall, remember } from "./memory.js";
import { Scrubber } from "./scrubber.js";

/** `chapters`: {start, end, title}; `storyboard`: null where there is no picture. */
export function bindControls(playback, stage, { chapters, storyboard }) {
  const { video } = playback;
  const seek = (seconds) => playback.seek(seconds);
  const scrubber = new Scrubber(byId("scrubber"), seek, { chapters, storyboard });
  const [play, bigPlay] = ["play", "big-play"].map(byId);
  for (const button of [play, bigPlay]) button.addEventListener("click", () => playback.toggle());
  const showVolume = bindVolume(video);
  const show = () => {
    const { position, duration, ended, paused, waiting } = playback;
    const verb = ended ? "Play again" : paused ? "Play" : "Pause";
    for (const button of [play, bigPlay]) {
      paint(button, ended ? "retry" : paused ? "play" : "pause");
      setLabel(button, verb);
    }
    showVolume();
    write("position", format(position));
    write("duration", format(duration));
    byId("duration").parentElement.hidden = !Number.isFinite(duration);
    scrubber.show(playback);
    stage.dataset.state = stateOf({ ended, paused, loading: waiting && !(paused && video.readyState > 1) });
    write("status", stage.dataset.state === "loading" ? "Loading" : "");
  };
  playback.addEventListener("change", show);
  show();
}

function stateOf({ ended, paused, loading }) {
  if (ended) return "ended";
  if (loading) return "loading";
  return paused ? "paused" : "playing";
}

function bindVolume(video) {
  const [mute, volume] = ["mute", "volume"].map(byId);
  mute.addEventListener("click", () => (video.muted = !video.muted));
  volume.addEventListener("input", () => {
    video.volume = volume.value / 100;
    video.muted = video.volume === 0;
  });
  const kept = recall();
  video.volume = kept.volume ?? 1;
  video.muted = kept.muted ?? false;
  video.addEventListener("volumechange", () => remember({ volume: video.volume, muted: video.muted }));
  return () => {
    const silent = video.muted || video.volume === 0;
    setLabel(mute, silent ? "Unmute" : "Mute");
    paint(mute, silent ? "muted" : "loud");
    volume.value = silent ? 0 : Math.round(video.volume * 100);
    volume.style.setProperty("--part", `${volume.value}%`);
  };
}

function paint(button, name) {
  if (button.dataset.icon !== name) setIcon(button, (button.dataset.icon = name));
}

function write(id, text) {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text;
}
