// A button with a list of choices: arrows move, Enter chooses, Escape closes (the ARIA menu pattern).

import { element, icon } from "./dom.js";

export class Menu {
  #choices = [];

  /** `choose(value)` is called with the chosen one; `toggled()` when the list opens or closes. */
  constructor(button, list, choose, toggled = () => {}) {
    this.button = button;
    this.list = list;
    this.choose = choose;
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

  /** Shows the choices, each {value, label, note}; `chosen` is the value that is ticked. */
  show(choices, chosen) {
    this.#choices = choices.map(({ value, label, note = "" }) =>
      element(
        "button",
        {
          type: "button",
          role: "menuitemradio",
          tabIndex: -1,
          className: "menu-item",
          aria: { checked: String(value === chosen) },
          on: { click: () => this.#take(value) },
        },
        icon("check"),
        element("span", { textContent: label }),
        note ? element("span", { className: "menu-note", textContent: note }) : null,
      ),
    );
    this.list.replaceChildren(...this.#choices);
  }

  #take(value) {
    this.#toggle(false);
    this.button.focus();
    this.choose(value);
  }

  #toggle(open) {
    this.list.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) (this.#choices.find((item) => item.ariaChecked === "true") ?? this.#choices[0])?.focus();
    this.toggled();
  }

  #key(event) {
    const at = this.#choices.indexOf(document.activeElement);
    const last = this.#choices.length - 1;
    const places = {
      ArrowDown: at === last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      Home: 0,
      End: last,
    };
    if (event.key in places) this.#choices[places[event.key]].focus();
    else if (event.key === "Escape") {
      this.#toggle(false);
      this.button.focus();
    } else if (event.key !== "Enter" && event.key !== " " && event.key !== "Tab") return;
    if (event.key !== "Tab" && event.key !== "Enter" && event.key !== " ") event.preventDefault();
    event.stopPropagation(); // the player's own keys must not hear these
  }
}
