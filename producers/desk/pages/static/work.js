// The page to work on: what is told by keys, buttons and the desk, and who does it.

import { listen, mapOf, own } from "./work-keys.js";
import { Kept, Drafts } from "./work-store.js";
import { Outbox } from "./work-outbox.js";
import { Hand } from "./work-hand.js";
import { Desk, pathOf } from "./work-desk.js";
import { Changes } from "./work-changes.js";
import { Voice, silent, standing } from "./work-say.js";
import { Screen } from "./work-screen.js";
import { Answers } from "./work-answers.js";
import { Filling } from "./work-filling.js";
import { caseOf, draft, showConfidence } from "./work-form.js";
import { isVeiled, revealed } from "./present.js";
import { askIn, Help, resumesAt } from "./work-dialogs.js";

const STEP = 0.6; // of the window's height, for a key that scrolls

class Work {
  constructor(root) {
    const { person, grace, now } = root.dataset;
    const ahead = Date.now() - Number(now); // so much this clock goes before the desk's, by which leases end
    Object.assign(this, { root, person, grace: Number(grace), now: () => Date.now() - ahead, expected: new Set(), silence: "" });
    const kept = (name, empty) => new Kept(window.localStorage, person, name, empty);
    this.kept = { keys: kept("keys", {}), off: kept("keys-off", false), gone: kept("gone", []), current: kept("current", null) };
    this.keys = {
      map: () => mapOf(this.kept.keys.read()),
      change: (map) => { this.kept.keys.write(own(map)); this.screen.keys(); },
      on: () => !this.kept.off.read(),
      turn: (on) => { this.kept.off.write(!on); this.screen.keys(); },
    };
    this.drafts = new Drafts(kept("drafts", {}), this.now);
    this.voice = new Voice(root);
    this.hand = new Hand();
    const keyOf = (name) => (this.keys.on() ? this.keys.map()[name] ?? null : null);
    this.screen = new Screen(root, { drafts: this.drafts, voice: this.voice, keyOf });
    const csrf = document.querySelector('meta[name="csrf-token"]').content;
    this.desk = new Desk({ person, csrf, fetch: window.fetch.bind(window), changed: (...said) => this.deskIs(...said) });
    this.answers = new Answers(this);
    this.outbox = new Outbox({
      kept: kept("outbox", []), now: this.now, told: (...said) => this.answers.told(...said),
      post: (entry) => this.desk.post(pathOf(entry.request_id, entry.verb), entry.body),
    });
    this.filling = new Filling(this);
    this.help = new Help(root.querySelector("#work-help"), this.keys);
    this.changes = new Changes({
      open: (path) => new EventSource(path), heard: (change) => this.filling.heard(change),
      opened: (again) => this.filling.opened(again), broken: () => this.desk.state === "here" && this.desk.get("/session"),
    });
  }

  start() {
    this.hand.begin(this.held(), sessionStorage.getItem("hitl:current") ?? this.kept.current.read());
    this.screen.show(this.hand.current, { focus: false });
    this.screen.keys();
    listen(document, () => (this.keys.on() ? this.keys.map() : null), (name, event) => this.act(name, event.timeStamp));
    this.root.addEventListener("click", (event) => this.clicked(event));
    this.root.addEventListener("input", (event) => this.typed(event));
    for (const name of ["keydown", "pointerdown", "pointermove"]) {
      document.addEventListener(name, () => this.filling.alive(), { passive: true });
    }
    document.addEventListener("visibilitychange", () => this.visible() && this.filling.lookAgain());
    window.addEventListener("pagehide", () => this.goes());
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
    this.changes.start();
    this.outbox.pump();
    this.filling.changed();
    this.tick(); // at once: whether one still has what was held ahead, the next renewal tells
    setInterval(() => this.tick(), 1_000);
    this.root.dataset.ready = "true";
  }

  // What one had when the page was made, but for what one has just answered or let go: that list is a moment behind.
  held() {
    const found = [...this.root.querySelectorAll("template[data-held]")].map((template) => {
      template.remove();
      return caseOf(template.content.querySelector("[data-work-case]"), this.now());
    });
    const gone = this.answers.goneNow();
    return found.filter(({ id }) => !this.outbox.leaves(id) && !gone.includes(id));
  }

  // The cases that are here, or were lately: the list of what one holds is a moment behind.
  had() {
    const here = [...this.hand.all(), ...this.hand.unsure].map(({ id }) => id), sent = this.outbox.entries().map((entry) => entry.request_id);
    return [...new Set([...here, ...this.answers.goneNow(), ...sent])].slice(0, 200);
  }

  visible() {
    return document.visibilityState === "visible";
  }

  tick() {
    this.filling.tick();
    this.remember();
  }

  // Which case is on screen, for this tab when it is loaded again, and for a new one when this one is gone.
  remember() {
    const { current } = this.hand;
    if (!current) return;
    sessionStorage.setItem("hitl:current", current.id);
    this.kept.current.write(current.id);
  }

  // ---- what is asked for ----

  clicked(event) {
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    const button = event.target.closest("[data-do]");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    if (button.dataset.do === "take_up") this.takeUp(button);
    else if (button.dataset.action) this.answers.decide(button, event.timeStamp);
    else this.act(button.dataset.do, event.timeStamp);
  }

  typed(event) {
    const made = this.hand.current;
    if (!made?.root.contains(event.target)) return;
    showConfidence(made.root);
    this.drafts.put(made.id, draft(made.root));
    if (!this.drafts.kept.works) this.voice.stand("This browser keeps nothing: what you type is lost when this page is closed.");
  }

  act(name, began) {
    const button = this.hand.current?.root.querySelector(`[data-do="${name}"][data-action]`);
    if (button) this.answers.decide(button, began);
    else if (this[`do_${name}`]) this[`do_${name}`]();
    else if (this.hand.current) this.voice.say("This case cannot be answered so. The buttons beside it show what can be said.");
  }

  do_undo() { this.answers.undo(); }
  do_confidence() { this.hand.current?.root.querySelector('[data-field="confidence"]').focus(); }
  do_feedback() { this.hand.current?.root.querySelector('[data-field="feedback"]').focus(); }
  do_down() { window.scrollBy({ top: window.innerHeight * STEP }); }
  do_up() { window.scrollBy({ top: -window.innerHeight * STEP }); }
  do_reveal() {
    const root = this.hand.current?.root;
    if (root && !revealed(root, isVeiled(root))) this.voice.say("Nothing of this case is hidden.");
  }

  do_guideline() {
    const shown = this.hand.current?.root.querySelector("[data-guideline]");
    if (!shown) {
      this.voice.say("This workflow has no guideline.");
      return;
    }
    shown.open = !shown.open;
    if (shown.open) shown.scrollIntoView({ block: "nearest" });
  }

  do_help() { this.help.open(); }
  do_look_again() { this.filling.lookAgain(); }
  do_statistics() { window.location.assign("/work/me"); }
  do_take_again() { if (this.hand.current?.lost) this.answers.takeUp(this.hand.current.id); }
  do_note() { this.ask("note", ({ note }) => (note.trim() ? [":note", { note }] : "Write the note first.")); }
  do_hand_over() {
    this.ask("hand_over", ({ to_reviewer, note }) => (
      to_reviewer.trim() ? [":hand-over", { to_reviewer: to_reviewer.trim(), note }] : "Say to whom: the name that they sign in with."
    ));
  }

  do_return() {
    if (!this.hand.current?.root.querySelector('[data-do="return"]')) {
      this.voice.say("Only an expert gives a case back to reviewers.");
      return;
    }
    this.ask("return", ({ note }) => (note.trim() ? [":return", { note }] : "Say why: reviewers need to know what to look at."));
  }

  do_hold() {
    this.ask("hold", ({ until, moment, note }) => {
      const at = resumesAt(until, moment, this.now());
      return at === null ? "Choose a moment that is still to come." : [":hold", { resumes_at: at, note }];
    });
  }

  do_release() {
    const made = this.hand.current;
    if (!made) return;
    if (made.lost) this.goOn(made);
    else this.answers.send(made, ":release", {});
  }

  async do_mine() {
    const dialog = this.root.querySelector("#work-mine");
    const answer = await this.desk.get("/work/mine");
    if (answer.kind === "done") dialog.querySelector("[data-list]").innerHTML = answer.body;
    else dialog.querySelector("[data-list]").textContent = answer.detail ?? "Sign in again first.";
    dialog.showModal();
  }

  takeUp(button) {
    this.root.querySelector("#work-mine").close();
    this.answers.takeUp(button.dataset.id);
  }

  // A dialog about the case on screen; `said(values)` gives [verb, body], or why not.
  ask(name, said) {
    const made = this.hand.current;
    if (!made) {
      this.voice.say("There is no case on screen.");
      return;
    }
    const draftName = `${name}:${made.id}`;
    askIn(this.root.querySelector(`#work-${name}`), {
      title: made.title, kept: this.drafts.of(draftName), keep: (values) => this.drafts.put(draftName, values),
      send: (values) => {
        const found = said(values);
        if (typeof found === "string") return found;
        this.answers.send(made, ...found);
        this.drafts.drop(draftName);
        return true;
      },
    });
  }

  // The case on screen is somebody else's: on to the next one.
  goOn(made) {
    this.voice.forget(`lost:${made.id}`);
    this.hand.drop(made.id);
    this.screen.show(this.hand.next());
    this.filling.changed();
  }

  // Another case comes on screen: one that was lost does not wait behind it.
  leave() {
    if (this.hand.current?.lost) this.goOn(this.hand.current);
  }

  // The page goes: what is held ahead is for others; the case on screen stays for when the page is opened again.
  goes() {
    this.remember();
    const ahead = [...this.hand.ahead, ...this.hand.unsure].filter((made) => !made.lost).map(({ id, lease }) => ({ request_id: id, lease }));
    if (ahead.length) this.desk.post("/work/leave", { cases: ahead }, { keepalive: true, signal: undefined });
  }

  // ---- how it stands ----

  failing(answer) {
    if (answer.kind === "later") this.silence = silent(answer.reason);
    this.stand();
  }

  working() {
    this.silence = "";
    this.stand();
  }

  deskIs(state, other) {
    this.other = other;
    if (state === "here") {
      this.outbox.hurry();
      this.filling.lookAgain();
      if (this.changes.source?.readyState === 2) this.changes.start();
    }
    this.stand();
  }

  stand() {
    const waiting = this.outbox.entries().filter((each) => each.tries > 0 || this.desk.state !== "here").length;
    this.voice.stand(standing({ state: this.desk.state, other: this.other, failing: this.silence, waiting }));
  }
}

const root = document.querySelector("#work");
if (root) new Work(root).start();
