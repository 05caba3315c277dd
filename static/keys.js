// The player's keys, the ones that players on the web have taught everyone.

const VOLUME_STEP = 0.05;

/** Binds the document's keys to a playback. `fullscreen` toggles it, `wake` shows the controls. */
export function bindKeys(playback, { fullscreen, wake }) {
  const { video } = playback;
  const by = (seconds) => () => playback.seek(playback.position + seconds);
  const louder = (step) => () => {
    video.volume = Math.min(1, Math.max(0, video.volume + step));
    video.muted = video.volume === 0;
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
    m: () => (video.muted = !video.muted),
    f: fullscreen,
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
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.key === " " && target.matches("button, a")) || target.matches("input")) return;
    event.preventDefault();
    wake();
    action();
  });
}
