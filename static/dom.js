// Elements and icons, built without markup strings, so that a file's name can never become markup.

const SVG = "http://www.w3.org/2000/svg";

// Each icon is the `d` of one path on a grid of 24 x 24, drawn as a line unless it is in FILLED.
const ICONS = {
  archive: "M4 8h16v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1zM3 4h18v4H3zM10 12h4",
  audio: "M9 18V6l10-2v12M9 18a3 3 0 1 1-3-3 3 3 0 0 1 3 3zM19 16a3 3 0 1 1-3-3 3 3 0 0 1 3 3z",
  back: "M15 5l-7 7 7 7",
  captions:
    "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM10.5 10.3a2.2 2.2 0 1 0 0 3.4M17.5 10.3a2.2 2.2 0 1 0 0 3.4",
  check: "M5 12.5l4.5 4.5L19 7",
  close: "M6 6l12 12M18 6L6 18",
  external: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  file: "M14 3H7a1 1 0 0 0-1 1v16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V7zM14 3v4h4",
  folder: "M3 7a2 2 0 0 1 2-2h4l2.2 2.5H19a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  fullscreen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  image: "M4 5h16v14H4zM4 16l4.5-5 4 4.5 2.5-2.5 5 4.5M15.5 9.5h.01",
  loud: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  more: "M10.4 5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0zM10.4 12a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0zM10.4 19a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0z",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  next: "M9 5l7 7-7 7",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  pip: "M3 5h18v14H3zM12 12h6v4h-6z",
  play: "M8 5.2v13.6a.7.7 0 0 0 1.1.6l10.4-6.8a.7.7 0 0 0 0-1.2L9.1 4.6a.7.7 0 0 0-1.1.6z",
  quality: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h16",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  shrink: "M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5",
  text: "M14 3H7a1 1 0 0 0-1 1v16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V7zM14 3v4h4M9 12h6M9 16h6",
  video: "M4 6h11a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1zM16 11l5-3v8l-5-3",
};
const FILLED = new Set(["more", "pause", "play"]);

/** An element with properties and children; `data`, `aria`, `on` hold maps, other names are properties. */
export function element(name, { data = {}, aria = {}, on = {}, ...properties } = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  Object.assign(node.dataset, data);
  for (const [key, value] of Object.entries(aria)) node.setAttribute(`aria-${key}`, value);
  for (const [type, listener] of Object.entries(on)) node.addEventListener(type, listener);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** The icon of this name; hidden from screen readers, its button or link has the words. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", FILLED.has(name) ? "icon-filled" : "icon-line");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Puts its icon before the text of every element that names one in `data-icon`. */
export function fillIcons(root = document) {
  for (const node of root.querySelectorAll("[data-icon]")) setIcon(node, node.dataset.icon);
}

/** Replaces the icon of a button. */
export function setIcon(node, name) {
  if (node.firstElementChild?.classList.contains("icon")) node.firstElementChild.remove();
  node.prepend(icon(name));
}

/** Gives a button its name, for screen readers and as the tip under the pointer. */
export function setLabel(node, text) {
  if (node.getAttribute("aria-label") === text) return;
  node.setAttribute("aria-label", text);
  node.title = text;
}

/** The element with this id; a page without it is a mistake that should show at once. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}
