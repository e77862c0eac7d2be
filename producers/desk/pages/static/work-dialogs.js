// What asks back before it is done: set aside, give to somebody, a note, back to reviewers; and the list of keys.

import { ACTIONS, DEFAULTS, changed, named, normal } from "./work-keys.js";
import { element } from "./work-say.js";

export const MINUTE = 60_000;

// When a case that is set aside comes back (ms); null when the moment cannot be read or is past. Pure.
export function resumesAt(choice, moment, now) {
  if (choice === "15m") return now + 15 * MINUTE;
  if (choice === "1h") return now + 60 * MINUTE;
  if (choice === "tomorrow") {
    const day = new Date(now);
    return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1, 8).getTime();
  }
  const at = new Date(moment).getTime();
  return Number.isFinite(at) && at > now ? at : null;
}

// Opens a dialog about a case; what is typed there is kept until `send(values)` says that it is on its way (true), or why
// it cannot be (a sentence).
export function askIn(dialog, { title, kept, keep, send }) {
  const form = dialog.querySelector("form");
  const wrong = dialog.querySelector("[data-wrong]");
  form.reset();
  for (const [name, value] of Object.entries(kept)) if (form.elements[name]) form.elements[name].value = value;
  dialog.querySelector("[data-about]").textContent = title;
  wrong.textContent = "";
  const values = () => Object.fromEntries(new FormData(form));
  form.oninput = () => keep(values());
  form.onsubmit = (event) => {
    event.preventDefault();
    const said = send(values());
    if (said !== true) {
      wrong.textContent = said;
      return;
    }
    form.reset();
    dialog.close();
  };
  dialog.showModal();
}

// The list of keys, in which each can be changed. `keys` {map(), change(map), on(), turn(on)}.
export class Help {
  constructor(dialog, keys) {
    this.dialog = dialog;
    this.keys = keys;
    this.wrong = dialog.querySelector("[data-wrong]");
    this.list = dialog.querySelector("[data-keys]");
    dialog.querySelector("[data-defaults]").addEventListener("click", () => this.all({ ...DEFAULTS }));
    const turned = dialog.querySelector("[data-keys-on]");
    turned.addEventListener("change", () => keys.turn(turned.checked));
    turned.checked = keys.on();
  }

  open() {
    this.wrong.textContent = "";
    this.draw();
    this.dialog.showModal();
  }

  all(map) {
    this.keys.change(map);
    this.wrong.textContent = "All keys are as they come.";
    this.draw();
  }

  draw() {
    const map = this.keys.map();
    const groups = [...new Set(ACTIONS.map((action) => action.group))];
    this.list.replaceChildren(...groups.map((group) => this.group(group, map)));
  }

  group(name, map) {
    const box = element("fieldset", "stack");
    const legend = element("legend", "", name);
    const rows = ACTIONS.filter((action) => action.group === name).map((action) => this.line(action, map[action.name]));
    box.append(legend, ...rows);
    return box;
  }

  line(action, key) {
    const label = element("label", "work-key", action.text);
    const input = element("input", "mono");
    Object.assign(input, { value: key, size: 3, autocomplete: "off", spellcheck: false, readOnly: true });
    input.setAttribute("aria-description", "Press the key that it shall have.");
    input.addEventListener("keydown", (event) => this.pressed(event, action, input));
    label.append(input);
    return label;
  }

  pressed(event, action, input) {
    if (["Tab", "Escape", "Shift"].includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const made = changed(this.keys.map(), action.name, normal(event.key));
    this.wrong.textContent = made.refused ?? `${action.text}: ${named(normal(event.key))}.`;
    if (made.refused) return;
    this.keys.change(made.map);
    input.value = made.map[action.name];
  }
}
