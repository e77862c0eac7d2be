// Answering: the next case is on screen at once, the answer goes its way, and for a while it can be taken back.

import { answerOf, draft, markFormer, newId, fill, wordsOf } from "./work-form.js";
import { entryOf } from "./work-outbox.js";
import { pathOf } from "./work-desk.js";

const MOST_LATELY = 20;
const MOST_GONE = 50;
const GONE_MS = 15_000; // for so long, at the most, the list of what one holds still tells of what is gone
const DONE = {
  ":hold": "is set aside", ":release": "was given back", ":hand-over": "was handed over", ":return": "is back with reviewers",
  ":note": "has your note beside it",
};

export class Answers {
  constructor(work) {
    this.work = work;
    this.own = new Set(); // ids of the answers that were given in this window
    this.lately = []; // the newest first: {id, request_id, title, made, body, words, leaves_at, state}
  }

  decide(button, began) {
    const { hand, outbox, screen, voice } = this.work;
    const made = hand.current;
    if (!made) return;
    if (made.lost) {
      voice.say("This case is no longer yours, so it cannot be answered. Take it again, or go on to the next one.");
      return;
    }
    const { action, label, words } = button.dataset;
    const body = answerOf(made, { action, label }, { grace: this.work.grace, id: newId() });
    this.keep(made);
    this.own.add(body.decision_id);
    outbox.add(entryOf({ id: body.decision_id, request_id: made.id, title: made.title, verb: "/decisions", body }));
    this.lately.unshift({ id: body.decision_id, request_id: made.id, title: made.title, made, body, words, leaves_at: null, state: "sent" });
    this.lately.length = Math.min(this.lately.length, MOST_LATELY);
    screen.show(hand.next(), { began });
    voice.say(`${words}: ${made.title}. To take it back, press ${this.work.keys.map().undo}.`);
    this.work.filling.changed();
  }

  // Something after which the case is out of hand, or a note beside it.
  send(made, verb, body) {
    const { hand, outbox, screen } = this.work;
    const lease = made.lease === null || verb === ":note" ? {} : { lease: made.lease };
    const id = newId();
    outbox.add(entryOf({ id, request_id: made.id, title: made.title, verb, body: { ...body, ...lease, command_id: id } }));
    if (verb === ":note") return;
    const shown = hand.current === made;
    this.keep(made);
    hand.drop(made.id);
    if (shown) screen.show(hand.next());
    this.work.filling.changed();
  }

  keep(made) {
    this.left(made.id);
    this.work.drafts.put(made.id, draft(made.root));
  }

  // It leaves, and a page that is opened anew must not take it for one's own: the newest first, {id, at}.
  left(id) {
    const { gone } = this.work.kept;
    gone.write([{ id, at: this.work.now() }, ...gone.read().filter((each) => each.id !== id)].slice(0, MOST_GONE));
  }

  // It is one's own again.
  returned(id) {
    const { gone } = this.work.kept;
    gone.write(gone.read().filter((each) => each.id !== id));
  }

  // Those that left just now, by their ids.
  goneNow() {
    return this.work.kept.gone.read().filter(({ at }) => this.work.now() - at < GONE_MS).map(({ id }) => id);
  }

  // ---- what became of it ----

  told(what, entry, answer) {
    if (what === "accepted") this.accepted(entry, answer.body);
    else if (what === "refused") this.refused(entry, answer);
    else if (what === "later" || what === "doubt") this.work.failing(answer);
    this.work.stand();
  }

  accepted(entry, judgement) {
    const { drafts, voice, filling } = this.work;
    this.work.working();
    if (entry.verb !== "/decisions") {
      if (entry.verb === ":note") drafts.drop(`note:${entry.request_id}`);
      voice.say(`${entry.title} ${DONE[entry.verb]}.`);
      filling.changed();
      return;
    }
    drafts.drop(entry.request_id);
    const said = this.lately.find((each) => each.id === entry.id);
    if (said) Object.assign(said, { state: "accepted", leaves_at: judgement.leaves_at ?? 0 });
    if (said?.undo) this.takeBack(said);
    filling.changed();
  }

  // Casework's own sentence, and what was typed, back in view.
  refused(entry, answer) {
    this.work.working();
    const { voice, drafts, filling } = this.work;
    const typed = entry.body.feedback ?? entry.body.note ?? "";
    const what = entry.verb === "/decisions" ? "Your answer to" : "What you asked about";
    if (entry.verb === "/decisions") drafts.put(entry.request_id, wordsOf(entry.body));
    this.lately = this.lately.filter((each) => each.id !== entry.id);
    const doubt = entry.doubt ? " An earlier try may have counted." : "";
    voice.note({
      kind: "bad", about: entry.id, typed, text: `${what} ${entry.title} was refused: ${answer.detail}${/[.!?]$/.test(answer.detail) ? "" : "."}${doubt}`,
      ways: [["Take the case again", () => this.takeUp(entry.request_id, entry.verb === "/decisions" ? entry.body : null)]],
    });
    filling.changed();
  }

  // ---- back again ----

  async undo() {
    const { voice, outbox } = this.work;
    const last = this.lately.find((each) => each.state === "sent" || each.state === "accepted");
    if (!last) {
      voice.say("There is no answer of yours to take back.");
      return;
    }
    if (last.state === "sent" && outbox.take(last.id)) {
      this.back(last, {});
      return;
    }
    if (last.state === "sent") {
      last.undo = true;
      voice.say(`Your answer to ${last.title} is on its way; it is taken back as soon as it was accepted.`);
      return;
    }
    await this.takeBack(last);
  }

  // An answer that casework has accepted. Tried again it is the same command: the first try may have counted.
  async takeBack(last) {
    const { desk, voice } = this.work;
    if (this.work.now() >= last.leaves_at && !last.undoing) {
      this.tooLate(last);
      return;
    }
    last.state = "undoing";
    last.undoing ??= newId();
    const answer = await desk.post(pathOf(last.request_id, ":undo"), { command_id: last.undoing });
    if (answer.kind === "done") {
      this.back(last, { lease: answer.body.lease, until: answer.body.expires_at });
    } else if (answer.kind === "refused" && answer.reason === "too_late") { // casework's clock goes before this one
      this.tooLate(last);
    } else if (answer.kind === "refused") {
      last.state = "stands";
      voice.note({ about: last.id, text: `${last.title} could not be taken back: ${answer.detail}` });
    } else {
      last.state = "accepted";
      this.work.failing(answer);
      voice.say(`${last.title} could not be taken back just now. Press ${this.work.keys.map().undo} to try it again.`);
    }
  }

  tooLate(last) {
    Object.assign(last, { state: "accepted", leaves_at: 0, undoing: null });
    this.work.voice.say(`It is too late to take back ${last.title}: your answer “${last.words}” stands.`);
  }

  back(last, { lease, until }) {
    const { hand, screen, voice, drafts } = this.work;
    this.lately = this.lately.filter((each) => each !== last);
    const { made } = last;
    if (lease !== undefined) Object.assign(made, { lease, until, term: until - this.work.now(), lost: false, renewing: false });
    drafts.put(made.id, wordsOf(last.body));
    this.returned(made.id);
    hand.show(made);
    screen.show(made);
    fill(made.root, last.body);
    markFormer(made.root, last.body);
    voice.say(`${made.title} is back. You had answered: ${last.words}.`);
    this.work.filling.changed();
  }

  // A case that is set aside, was lost, or is held ahead: on screen again.
  async takeUp(requestId, former = null) {
    const { desk, hand, screen, voice, filling } = this.work;
    const known = hand.find(requestId);
    if (known && !known.lost) {
      this.work.leave();
      hand.show(known);
      screen.show(known);
      return;
    }
    const answer = await desk.post(pathOf(requestId, ":claim"), { command_id: newId() });
    if (answer.kind !== "done") {
      voice.note({ kind: "bad", about: `claim:${requestId}`, text: `The case ${requestId} could not be taken: ${answer.detail ?? "sign in again first."}` });
      return;
    }
    const made = await filling.fetched(requestId, { lease: answer.body.lease, until: answer.body.expires_at });
    if (!made) return;
    this.returned(requestId);
    this.work.leave();
    hand.show(made);
    screen.show(made);
    if (former) markFormer(made.root, former);
    voice.say(`${made.title} is yours.`);
    filling.changed();
  }
}
