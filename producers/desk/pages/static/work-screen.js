// What is on screen: the case, or why there is none; for how long it is one's own; how many are held ahead.

import { words, LAST_MS } from "./work-leases.js";
import { showConfidence, fill } from "./work-form.js";

const PAINTED = "hitl: next case"; // a measure of the browser's, from the key press to the frame that shows the next case
const MOST_MEASURED = 500;

export class Screen {
  constructor(root, { drafts, voice, keyOf }) {
    Object.assign(this, { root, drafts, voice, keyOf });
    this.place = root.querySelector("#work-case");
    this.none = root.querySelector("#work-none");
    this.why = root.querySelector("#work-why");
    this.held = root.querySelector("#work-ahead");
    this.warned = null;
    this.began = null; // when a key was pressed for which no next case is shown yet
  }

  // The case, with what was typed beside it before; `began` (performance.now) of the key press that led here.
  show(made, { began = null, focus = true } = {}) {
    if (!made) {
      this.place.replaceChildren();
      this.blank("Looking for the next case …");
    } else {
      this.none.hidden = true;
      this.place.replaceChildren(made.root);
      fill(made.root, this.drafts.of(made.id));
      showConfidence(made.root);
      this.keys();
      this.warned = null;
      made.root.dispatchEvent(new CustomEvent("case-shown", { bubbles: true }));
      if (focus) this.focus(made);
    }
    this.began = began ?? this.began;
    if (made && this.began !== null) this.measure(this.began);
    if (made) this.began = null;
  }

  focus(made) {
    window.scrollTo({ top: 0 });
    const heading = made.root.querySelector("h2");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  measure(began) {
    requestAnimationFrame(() => {
      if (performance.getEntriesByName(PAINTED).length >= MOST_MEASURED) performance.clearMeasures(PAINTED);
      performance.measure(PAINTED, { start: began, end: performance.now() });
    });
  }

  blank(text) {
    this.none.hidden = false;
    if (this.why.textContent !== text) this.why.textContent = text;
  }

  // The keys that are in force, on every button.
  keys() {
    for (const shown of this.root.querySelectorAll("[data-key]")) {
      const key = this.keyOf(shown.dataset.key);
      shown.textContent = key ?? "";
      shown.hidden = key === null;
    }
  }

  // Once a second.
  tick(made, now, active) {
    const shown = made?.root.querySelector("[data-lease-words]");
    if (!shown) return;
    const text = words(made, now, active);
    if (shown.textContent !== text) shown.textContent = text;
    const short = made.until !== null && made.until - now < LAST_MS;
    shown.classList.toggle("warn", short || made.lost);
    if (short && !active && !made.lost && this.warned !== made.id) {
      this.warned = made.id;
      this.voice.say("Your lease on this case ends in a minute. Press any key to keep it.");
    }
  }

  ahead(count, why) {
    const many = count === 0 ? "No further case is held ahead." : count === 1 ? "1 further case is held ahead." : `${count} further cases are held ahead.`;
    const text = why ? `${many} ${why}` : many;
    if (this.held.textContent !== text) this.held.textContent = text;
  }

  // The case on screen is not one's own any more: it can be read, and not be answered.
  lost(made) {
    const close = made.lost;
    made.root.classList.toggle("work-lost", close);
    for (const button of made.root.querySelectorAll("[data-action]")) button.setAttribute("aria-disabled", String(close));
    const again = made.root.querySelector('[data-do="take_again"]');
    if (again) again.hidden = !close;
  }
}
