// Cases come and stay: the next ones are fetched ahead, leases renewed while somebody is there, changes taken as they come.

import { caseIn, fragmentOf } from "./work-form.js";
import { hasEnded, isActive, isDue } from "./work-leases.js";
import { meaning } from "./work-changes.js";
import { pathOf } from "./work-desk.js";

const LOOK_MS = 2_000; // between two questions for a case, at the least
const LONGEST_MS = 5_000; // so late, at the most, a case comes to somebody who has nothing to do
const LATE_MS = [0, 200, 400, 800, 1_600]; // the list of cases is a moment behind what casework grants
const CALM = { // why there is none, where that is how it should be while one has a case
  enough_in_hand: "You hold as many cases as you may.", fair_share: "What waits is shared with others at work.",
  none_waits: "No more wait for you.", no_lane: "No more wait for you.", refused: "Others were quicker.",
};

export class Filling {
  constructor(work) {
    this.work = work;
    this.asking = false;
    this.next = 0; // when it is asked again (ms)
    this.asked = 0; // when there was none (ms)
    this.empty = 0; // so many times in a row there was none
    this.why = "";
    this.timer = null;
    this.seen = work.now();
  }

  // ---- the next cases ----

  // The hand has changed: look whether it wants more.
  changed() {
    this.lookAgain();
    this.told();
  }

  told() {
    this.work.screen.ahead(this.work.hand.ahead.length, this.work.hand.wants() ? CALM[this.why] ?? "" : "");
  }

  async fill() {
    const { answers, hand, now } = this.work;
    if (this.asking) return;
    this.asking = true;
    clearTimeout(this.timer);
    while (hand.wants() && this.mayAsk() && now() >= this.next) {
      const made = await this.ask();
      if (!made) break;
      const known = hand.find(made.id);
      answers.returned(made.id);
      if (known) this.regained(known, made);
      else if (hand.take(made)) this.arrived(made);
      this.told();
    }
    this.asking = false;
    const pause = this.mayAsk() ? Math.max(100, this.next - now()) : LOOK_MS;
    if (hand.wants()) this.timer = setTimeout(() => this.fill(), pause);
  }

  // A case that was lost stays on screen until somebody says what is to be done with it; it would be given again unseen.
  // Where nobody is there, one case may come, so that it is seen; no lease is taken after another for nobody.
  mayAsk() {
    const { desk, hand } = this.work;
    if (!["here", "away"].includes(desk.state) || !this.work.visible() || hand.current?.lost) return false;
    return this.active() || hand.all().length === 0;
  }

  async ask() {
    const { desk, now } = this.work;
    const answer = await desk.post("/work/next", { have: this.work.had() });
    if (answer.kind === "done") {
      const fragment = fragmentOf(answer.body);
      const made = caseIn(fragment, now());
      if (made || !this.work.outbox.entries().some(({ tries }) => tries > 0)) this.work.working(); // none: casework was not asked
      if (made) {
        Object.assign(this, { empty: 0, why: "" });
        return this.work.outbox.leaves(made.id) ? null : made;
      }
      const none = fragment.querySelector("[data-none]");
      this.none(none.dataset.none, none.textContent.trim());
    } else {
      this.work.failing(answer);
      this.none("", answer.detail ?? "Sign in again in another tab; this page goes on by itself.", answer.seconds);
    }
    return null;
  }

  none(why, detail, seconds = 0) {
    const { hand, screen, now } = this.work;
    this.why = why;
    const pause = Math.max(Math.min(LONGEST_MS, LOOK_MS * 2 ** Math.min(this.empty, 3)), seconds * 1_000);
    this.empty += 1;
    this.asked = now();
    this.next = this.asked + pause;
    if (!hand.current) screen.blank(detail);
    this.told();
  }

  // Somebody is there, or something has changed: it need not wait for long.
  lookAgain() {
    this.empty = 0;
    this.next = Math.min(this.next, this.asked + LOOK_MS);
    this.fill();
  }

  arrived(made) {
    const calm = document.activeElement === document.body || this.work.root.querySelector("#work-none").contains(document.activeElement);
    this.work.screen.show(made, { focus: calm });
    this.work.voice.follow(`Next: ${made.title}.`);
  }

  // A case that is here is given to one anew; it may have been lost.
  regained(known, { lease, until, term }) {
    const { hand, screen, voice } = this.work;
    const wasLost = known.lost;
    Object.assign(known, { lease, until, term, lost: false, renewing: false });
    if (!wasLost) return;
    voice.forget(`lost:${known.id}`);
    if (hand.current === known) screen.lost(known);
    voice.say(`${known.title} is yours again.`);
  }

  // A case of one's own by its id; null, and why in words, when it cannot be had.
  async fetched(requestId, { lease = null, until = null } = {}) {
    const { desk, now, voice } = this.work;
    let answer;
    for (const pause of LATE_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      answer = await desk.get(`/work/case/${encodeURIComponent(requestId)}`);
      if (answer.kind === "done") break;
    }
    const made = answer.kind === "done" ? caseIn(fragmentOf(answer.body), now()) : null;
    if (!made) {
      voice.note({ about: requestId, text: `The case ${requestId} cannot be shown: ${answer.detail ?? "sign in again first."}` });
      return null;
    }
    if (lease !== null) Object.assign(made, { lease, until, term: until - now() });
    return made;
  }

  // ---- leases ----

  // A key or a pointer: somebody is there.
  alive() {
    const away = !this.active();
    this.seen = this.work.now();
    if (away) this.lookAgain();
  }

  active() {
    return isActive(this.work.now(), this.seen) && this.work.visible();
  }

  // Once a second.
  tick() {
    const { hand, now, screen } = this.work;
    const active = this.active();
    for (const made of [...hand.all(), ...hand.unsure]) {
      if (active && isDue(made, now())) this.renew(made);
      else if (!made.lost && hasEnded(made, now()) && !made.renewing) this.ran(made);
    }
    screen.tick(hand.current, now(), active);
  }

  async renew(made) {
    const { desk, hand, now } = this.work;
    made.renewing = true;
    const answer = await desk.post(pathOf(made.id, ":renew"), made.lease === null ? {} : { lease: made.lease });
    made.renewing = false;
    const isUnsure = hand.unsure.includes(made);
    if (hand.find(made.id) !== made && !isUnsure) return;
    if (answer.kind === "done") {
      const { lease, expires_at: until } = answer.body;
      Object.assign(made, { lease, until, term: until - now() });
      if (isUnsure) this.settled(made, true);
    } else if (answer.kind === "refused" && isUnsure) {
      this.settled(made, false);
    } else if (answer.kind === "refused") {
      this.lose(made.id, answer.detail);
    } else {
      made.renewAfter = now() + LOOK_MS;
      this.work.failing(answer);
    }
  }

  settled(made, isOwn) {
    if (this.work.hand.settle(made, isOwn)) this.arrived(made);
    this.changed();
  }

  // By this clock it is over; casework may see that a moment later.
  ran(made) {
    if (this.work.now() - made.until > LOOK_MS) this.lose(made.id, "Your lease has run out, and the case is free for others.");
  }

  // It is somebody else's, or nobody's: one ahead goes without a word, the one on screen stays to be read.
  lose(id, says) {
    const { hand, voice, screen, answers } = this.work;
    const made = hand.find(id);
    if (!made || made.lost) return;
    made.lost = true;
    answers.left(id);
    if (hand.current !== made) {
      hand.drop(id);
    } else {
      answers.keep(made);
      screen.lost(made);
      voice.note({
        about: `lost:${id}`, text: `${made.title} is no longer yours. ${says} What you typed is kept.`,
        ways: [["Next case", () => this.work.goOn(made)], ["Take it again", () => answers.takeUp(id)]],
      });
      voice.say(`${made.title} is no longer yours. ${says}`);
    }
    this.changed();
  }

  // ---- what happens elsewhere ----

  heard(change) {
    const { hand, person, voice } = this.work;
    const said = meaning(change, person, { holds: (id) => hand.find(id) !== null, expected: this.work.expected });
    if (!said) return;
    const made = hand.find(said.id);
    switch (said.does) {
      case "lost": this.lose(said.id, said.says); break;
      case "given": this.given(said); break;
      case "lease": Object.assign(made, { lease: said.lease, until: said.until, term: said.until - this.work.now() }); break;
      case "review": made.review = said.review; break;
      case "accepted": this.accepted(said); break;
      case "noted": voice.note({ about: `noted:${said.id}`, text: `${made.title}: ${said.says}` }); break;
      case "told": voice.say(`${made?.title ?? said.id}: ${said.says}`); this.changed(); break;
    }
  }

  accepted({ id, decision, leaves_at }) {
    const { hand, outbox, answers } = this.work;
    outbox.accepted(decision, { became: "received", leaves_at });
    if (hand.find(id) && !answers.own.has(decision)) this.lose(id, "You answered it in another window.");
  }

  async given({ id, lease, until, by }) {
    const { answers, hand, now, voice } = this.work;
    const had = hand.find(id);
    const made = had ?? await this.fetched(id, { lease, until });
    if (!made) return;
    answers.returned(id);
    const known = hand.find(id); // a question that was under way may have brought it
    if (known) this.regained(known, { lease, until, term: until - now() });
    else if (hand.insert(made)) this.arrived(made);
    const place = hand.current?.id === id ? "." : known ? ": it is held ahead." : ": it comes next.";
    voice.note({ kind: "good", about: `given:${id}`, text: `${by} handed the case ${made.title} over to you${place}` });
    this.told();
  }

  // The stream began anew, and something may have been missed: whether a case is one's own is what a renewal tells.
  opened(again) {
    this.work.outbox.hurry();
    if (again) for (const made of this.work.hand.all()) if (!made.lost) this.renew(made);
    this.lookAgain();
  }
}
