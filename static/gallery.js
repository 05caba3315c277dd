// The gallery page: the URL names a folder (and, after #, a picture shown large); this makes the page so.

import { folderUrl, list, nameOf, Problem } from "./api.js";
import { byId, element, fillIcons, icon } from "./dom.js";
import { Durations } from "./durations.js";
import { Lightbox } from "./lightbox.js";
import { kindOf, makeTile } from "./tile.js";

const FIRST = "Media"; // the name of the folder that has none
const KEPT = 20; // folders whose listing is remembered, so that going back is instant

const durations = new Durations();
const lightbox = new Lightbox();
const known = new Map(); // folder -> {folders, files, next}
let folder = null;
let loading = null; // the AbortController of what is on its way for this folder
let failed = false;

const place = () => new URLSearchParams(location.search).get("folder") || "/";
const picture = () => decodeFragment(location.hash.slice(1));

function decodeFragment(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand, with a lone %
  }
}

/** Makes the page what the URL says. */
async function show() {
  const wanted = place();
  if (wanted !== folder) await enter(wanted.endsWith("/") ? wanted : `${wanted}/`);
  const name = picture();
  const file = name && pictures().find((candidate) => candidate.name === name);
  if (file) lightbox.open(file);
  else lightbox.close();
}

async function enter(wanted) {
  loading?.abort();
  loading = null;
  const returning = folder !== null;
  folder = wanted;
  failed = false;
  clear();
  showName();
  if (known.has(wanted)) {
    add(known.get(wanted));
    window.scrollTo(0, history.state?.scroll ?? 0);
  } else {
    window.scrollTo(0, 0);
    await more();
  }
  if (returning && !picture()) byId("title").focus({ preventScroll: true });
}

/** Asks for the next page of the folder, if there is one. */
async function more() {
  const state = known.get(folder);
  if (loading || (state && !state.next)) return;
  const asked = folder;
  const abort = (loading = new AbortController());
  byId("gallery").ariaBusy = "true";
  try {
    const page = await list(asked, state?.next, abort.signal);
    if (asked !== folder) return;
    failed = false;
    remember(asked, state, page);
    add(page);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    if (!(problem instanceof Problem)) throw problem;
    if (asked === folder) showProblem(problem, Boolean(state));
  } finally {
    if (loading === abort) loading = null;
    if (asked === folder) byId("gallery").ariaBusy = "false";
  }
  if (!failed && nearEnd()) more();
}

function remember(asked, state, page) {
  const folders = [...(state?.folders ?? []), ...page.folders];
  const files = [...(state?.files ?? []), ...page.files];
  known.delete(asked);
  known.set(asked, { folders, files, next: page.next });
  if (known.size > KEPT) known.delete(known.keys().next().value);
}

const nearEnd = () => byId("more").getBoundingClientRect().top < window.innerHeight + 900;
const pictures = () => (known.get(folder)?.files ?? []).filter((file) => kindOf(file) === "picture");

function clear() {
  for (const id of ["folders", "tiles"]) {
    byId(id).replaceChildren();
    byId(id).hidden = true;
  }
  durations.clear();
  byId("message").hidden = true;
  byId("more-button").hidden = true;
  byId("summary").textContent = "";
}

function showName() {
  const name = folder === "/" ? FIRST : nameOf(folder);
  document.title = name;
  byId("title").textContent = name;
  const parts = folder.split("/").filter(Boolean);
  const crumbs = ["/", ...parts.map((_, at) => `/${parts.slice(0, at + 1).join("/")}/`)].map((path) => {
    const aria = path === folder ? { current: "page" } : {};
    const link = element("a", {
      href: folderUrl(path),
      textContent: nameOf(path) || FIRST,
      data: { folder: path },
      aria,
    });
    return element("li", {}, link);
  });
  byId("crumbs").replaceChildren(...crumbs);
  crumbs.at(-1).scrollIntoView({ block: "nearest", inline: "end" });
}

function add({ folders, files, next }) {
  byId("folders").append(...folders.map(makeFolder));
  const tiles = files.map(makeTile);
  byId("tiles").append(...tiles);
  for (const tile of tiles) if (tile.dataset.kind === "video") durations.add(tile);
  byId("folders").hidden = !byId("folders").childElementCount;
  byId("tiles").hidden = !byId("tiles").childElementCount;
  byId("message").hidden = true;
  byId("more-button").hidden = !next;
  lightbox.pictures = pictures();
  summarize(Boolean(next));
}

function makeFolder({ name, path }) {
  const link = element(
    "a",
    { className: "folder", href: folderUrl(path), data: { folder: path }, title: name },
    icon("folder"),
    element("span", { className: "folder-name", textContent: name }),
  );
  return element("li", {}, link);
}

function summarize(unfinished) {
  const { folders, files } = known.get(folder);
  const counts = { picture: 0, video: 0, audio: 0, file: 0 };
  for (const file of files) counts[kindOf(file)] += 1;
  const words = [
    [folders.length, "folder", "folders"],
    [counts.picture, "picture", "pictures"],
    [counts.video, "video", "videos"],
    [counts.audio, "audio file", "audio files"],
    [counts.file, "other file", "other files"],
  ];
  const said = words
    .filter(([count]) => count)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
  byId("summary").textContent = said.join(" · ") + (unfinished ? " so far" : "");
  if (!said.length && !unfinished)
    tell("folder", "This folder is empty", "Files that are put here appear when the page is loaded again.");
}

function showProblem(problem, isLaterPage) {
  failed = true; // nothing is asked again by itself: the visitor decides
  if (isLaterPage) {
    byId("more-button").hidden = false;
    byId("summary").textContent = problem.message;
    return;
  }
  const titles = { 403: "This folder cannot be listed", 404: "There is no such folder", 0: "No connection" };
  const again = problem.status === 403 || problem.status === 404 ? null : retryButton();
  tell("folder", titles[problem.status] ?? "The folder cannot be shown", problem.message, again);
}

function retryButton() {
  const retry = () => {
    failed = false;
    clear();
    more();
  };
  const words = element("span", { textContent: "Try again" });
  return element("button", { type: "button", className: "pill", on: { click: retry } }, icon("retry"), words);
}

function tell(image, title, text, action = null) {
  const words = element("p", {}, element("strong", { textContent: title }), text);
  byId("message").replaceChildren(...[icon(image), words, action].filter(Boolean));
  byId("message").hidden = false;
}

// Addresses

function follow(event) {
  const plain =
    !event.defaultPrevented &&
    event.button === 0 &&
    !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const link = event.target.closest?.("a");
  if (!plain || !link || link.target) return;
  if (link.dataset.folder) {
    event.preventDefault();
    if (link.dataset.folder === folder) return;
    keepPlace();
    history.pushState({}, "", link.href);
    show();
  } else if (link.closest(".tile[data-kind='picture']")) {
    event.preventDefault();
    const { path } = link.closest(".tile").dataset;
    keepPlace();
    history.pushState({ opened: true }, "", folderUrl(folder, nameOf(path)));
    show();
  }
}

function addressOf(file) {
  if (picture() !== file.name) history.replaceState(history.state, "", folderUrl(folder, file.name));
}

// The picture's entry goes away with it: one step back if we made it, else only its name.
function leaveLightbox(file) {
  const tile = [...byId("tiles").children].find(({ dataset }) => dataset.path === file?.path);
  tile?.querySelector("a").focus();
  if (!picture()) return;
  if (history.state?.opened) history.back();
  else history.replaceState({}, "", folderUrl(folder));
}

function keepPlace() {
  history.replaceState({ ...history.state, scroll: window.scrollY }, "");
}

fillIcons();
history.scrollRestoration = "manual";
document.addEventListener("click", follow);
window.addEventListener("popstate", () => show());
window.addEventListener("pagehide", keepPlace);
byId("more-button").addEventListener("click", more);
lightbox.addEventListener("shown", ({ detail }) => addressOf(detail));
lightbox.addEventListener("closed", ({ detail }) => leaveLightbox(detail));
lightbox.addEventListener("end", more);
new IntersectionObserver(([entry]) => entry.isIntersecting && !failed && more(), {
  rootMargin: "900px",
}).observe(byId("more"));
show();
