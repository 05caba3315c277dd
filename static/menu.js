// A button with a list of choices: arrows move, Enter chooses, Escape closes (the ARIA menu pattern).

import { element, icon } from "./dom.js";

export class Menu {
  #items = [];
  #shown = "";
  #single = true;

  /** `toggled()` is called when the list opens or closes. */
  constructor(button, list, toggled = () => {}) {
    this.button = button;
    this.list = list;
    this.toggled = toggled;
    button.addEventListener("click", () => this.#toggle(list.hidden));
    list.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", (event) => {
      if (!list.hidden && !list.contains(event.target) && !button.contains(event.target)) this.#toggle(false);
    });
    list.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !list.contains(event.relatedTarget)) this.#toggle(false);
    });
  }

  get open() {
    return !this.list.hidden;
  }

  /**
   * Shows sections, each {label, choices, chosen, choose}. A choice is {value, label, note}; `chosen` is the
   * value that is ticked, undefined in a section of commands; `choose(value)` is called with the one taken.
   */
  show(sections) {
    const now = JSON.stringify(sections);
    if (now === this.#shown) return;
    this.#shown = now;
    const focused = this.#items.indexOf(document.activeElement);
    const parts = sections.map((section) => this.#section(section, sections.length > 1));
    this.list.replaceChildren(...parts);
    this.#single = sections.length === 1;
    this.#items = [...this.list.querySelectorAll(".menu-item")];
    this.#items[Math.min(focused, this.#items.length - 1)]?.focus();
  }

  #section({ label, choices, chosen, choose }, titled) {
    const items = choices.map(({ value, label: text, note = "" }) =>
      element(
        "button",
        {
          type: "button",
          role: chosen === undefined ? "menuitem" : "menuitemradio",
          tabIndex: -1,
          className: "menu-item",
          aria: chosen === undefined ? {} : { checked: String(value === chosen) },
          on: { click: () => this.#take(choose, value) },
        },
        icon("check"),
        element("span", { className: "menu-label", textContent: text }),
        note ? element("span", { className: "menu-note", textContent: note }) : null,
      ),
    );
    const title = element("p", { className: "menu-title", textContent: label, ariaHidden: "true", hidden: !titled });
    return element("div", { role: "group", className: "menu-group", aria: { label } }, title, ...items);
  }

  #take(choose, value) {
    this.#toggle(false);
    this.button.focus();
    choose(value);
  }

  #toggle(open) {
    this.list.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    const ticked = this.#items.find((item) => item.ariaChecked === "true");
    if (open) ((this.#single && ticked) || this.#items[0])?.focus();
    this.toggled();
  }

  #key(event) {
    const at = this.#items.indexOf(document.activeElement);
    const last = this.#items.length - 1;
    const places = {
      ArrowDown: at === last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      Home: 0,
      End: last,
    };
    if (event.key in places) this.#items[places[event.key]].focus();
    else if (event.key === "Escape") {
      this.#toggle(false);
      this.button.focus();
    } else if (event.key !== "Enter" && event.key !== " " && event.key !== "Tab") return;
    if (event.key !== "Tab" && event.key !== "Enter" && event.key !== " ") event.preventDefault();
    event.stopPropagation(); // the player's own keys must not hear these
  }
}
