// The player's menus: what there is to choose now, and what happens when it is chosen.

import { playerUrl } from "./api.js";
import { languageName } from "./captions.js";
import { byId, setLabel } from "./dom.js";
import { Menu } from "./menu.js";
import { recall, remember } from "./memory.js";
import { choices } from "./quality.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** The speed that is `steps` further on the scale. */
export function nextSpeed(rate, steps) {
  const near = SPEEDS.reduce((one, other) => (Math.abs(other - rate) < Math.abs(one - rate) ? other : one));
  return SPEEDS[Math.min(Math.max(SPEEDS.indexOf(near) + steps, 0), SPEEDS.length - 1)];
}

/** `1.25` as `1.25×`. */
export const speedInWords = (rate) => `${rate}×`;

/** The player's address at a time, to be shared: whole seconds. */
export function sharedUrl(path, seconds) {
  return `${playerUrl(path)}#t=${Math.floor(seconds)}`;
}

/** Which of the remembered wishes can be had: the id of a choice, or null. */
export function wishedCaptions(list, language) {
  if (!language) return list.find(({ forced }) => forced)?.id ?? null;
  return list.find((choice) => (choice.language ?? choice.label) === language)?.id ?? null;
}

/** `wake()` shows the controls, `say(text)` tells what has happened, `help()` shows the keys. */
export function bindMenus(playback, captions, { wake, say, help, pictureInPicture }) {
  const quality = bindQuality(playback, wake, say);
  const sounds = bindCaptions(captions, wake, say);
  const more = bindMore(playback, wake, say, { help, pictureInPicture });
  const show = () => [quality, sounds, more].forEach((update) => update());
  playback.addEventListener("change", show);
  captions.addEventListener("change", show);
  show();
}

function bindQuality(playback, wake, say) {
  const button = byId("quality");
  const menu = new Menu(button, byId("quality-list"), wake);
  const choose = (value) => {
    remember({ quality: value === "original" ? undefined : value });
    playback.setQuality(value);
    say(`Quality: ${value === "auto" ? "auto" : value === "original" ? "original" : `${value}p`}`);
  };
  return () => {
    const shown = playback.quality === "auto" ? playback.shown : 0;
    const list = choices(playback.rungs, playback.original, shown);
    const label = list.find(({ value }) => value === playback.quality)?.label ?? "";
    menu.show([{ label: "Quality", choices: list, chosen: playback.quality, choose }]);
    if (byId("quality-now").textContent !== label) byId("quality-now").textContent = label;
    setLabel(button, `Quality: ${label}`);
    button.hidden = list.length < 2;
  };
}

function bindCaptions(captions, wake, say) {
  const button = byId("captions");
  const menu = new Menu(button, byId("captions-list"), wake);
  const choose = (value) => {
    captions.choose(value === "off" ? null : value);
    const taken = captions.choices.find(({ id }) => id === captions.chosen);
    remember({ captions: taken ? (taken.language ?? taken.label) : null });
    say(taken ? `Captions: ${taken.label}` : "Captions off");
  };
  captions.addEventListener("problem", ({ detail }) => say(detail));
  return () => {
    const off = { value: "off", label: "Off" };
    const list = captions.choices.map(({ id, label, note }) => ({ value: id, label, note }));
    menu.show([{ label: "Captions", choices: [off, ...list], chosen: captions.chosen ?? "off", choose }]);
    button.hidden = !list.length;
    button.classList.toggle("control-on", captions.chosen !== null);
    const label = captions.choices.find(({ id }) => id === captions.chosen)?.label ?? "off";
    setLabel(button, `Captions: ${label}`);
  };
}

function bindMore(playback, wake, say, { help, pictureInPicture }) {
  const menu = new Menu(byId("more"), byId("more-list"), wake);
  const commands = {
    link: () => copyLink(playback, say),
    pip: pictureInPicture,
    help,
  };
  const setRate = (rate) => {
    playback.setRate(rate);
    say(`Speed ${speedInWords(rate)}`);
  };
  const setSound = (uri) => {
    playback.setSound(uri);
    say(`Sound: ${soundName(playback.sounds.find((sound) => sound.uri === uri))}`);
  };
  const texts = [
    { value: "link", label: "Copy link at this time" },
    { value: "help", label: "Keys", note: "?" },
  ];
  if (pictureInPicture) texts.splice(1, 0, { value: "pip", label: "Picture in picture", note: "I" });
  return () => {
    const sections = [{ label: "Player", choices: texts, choose: (name) => commands[name]() }];
    const { sounds, video } = playback;
    const speeds = SPEEDS.map((rate) => ({ value: rate, label: rate === 1 ? "Normal" : speedInWords(rate) }));
    if (sounds.length > 1) {
      const list = sounds.map((sound) => ({ value: sound.uri, label: soundName(sound) }));
      const usual = sounds.find((sound) => sound.usual) ?? sounds[0];
      sections.push({ label: "Sound", choices: list, chosen: playback.sound ?? usual.uri, choose: setSound });
    }
    sections.push({ label: "Speed", choices: speeds, chosen: video.playbackRate, choose: setRate });
    menu.show(sections);
  };
}

function soundName({ name, language }) {
  const spoken = languageName(language);
  if (!spoken || name.toLowerCase().includes(spoken.toLowerCase())) return name;
  return name && name !== language ? `${spoken}, ${name}` : spoken;
}

async function copyLink(playback, say) {
  const url = sharedUrl(playback.path, playback.position);
  history.replaceState(history.state, "", url); // so that it can be taken from there as well
  try {
    await navigator.clipboard.writeText(url);
    say("The link is in the clipboard.");
  } catch {
    say("The link stands in the address bar."); // a page that is not secure has no clipboard
  }
}

/** The quality to begin with, of those that were chosen before: "auto" or lines. */
export const wishedQuality = () => recall().quality ?? "auto";
