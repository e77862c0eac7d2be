// Answers on their way to casework. Each stays here, under one id, until it is accepted or refused: nothing typed is lost.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
const AT_ONCE = 4;
// What a repeat is told when the first try counted and its answer was lost on the way.
export const MAYBE_COUNTED = new Set(["finished", "answer_pending", "superseded", "same_person"]);
const HEARD_MS = 4_000; // for the stream of changes to say which it was

// An entry: {id, request_id, title, verb, body, tries, due, undo, doubt}; `verb` ends the path of what is posted, `due` (ms)
// is when it is tried next, `undo` says that it is to be taken back as soon as it was accepted.
export const entryOf = ({ id, request_id, title, verb, body }) => (
  { id, request_id, title, verb, body, tries: 0, due: 0, undo: false, doubt: null }
);

export const wait_ms = (tries) => Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));

export const dueNow = (entries, now, underway) => entries.filter((each) => each.due <= now && !underway.has(each.id));

// An entry after a try that led to nothing; the desk may say when to come back (seconds).
export function later(entry, now, seconds) {
  const pause = Math.max(wait_ms(entry.tries), (seconds ?? 0) * 1_000);
  return { ...entry, tries: entry.tries + 1, due: now + Math.min(pause, 60_000) };
}

// What follows from what came back: "accepted", "refused", "later", or "doubt" when a former try may have counted.
export function verdict(entry, answer) {
  if (answer.kind === "done") return "accepted";
  if (answer.kind !== "refused") return "later";
  return entry.tries > 0 && MAYBE_COUNTED.has(answer.reason) && !entry.doubt ? "doubt" : "refused";
}

export class Outbox {
  // `post(entry)` gives {kind: done|refused|later|signed_out, …}; `told(what, entry, answer)` hears what became of it.
  constructor({ kept, post, told, now }) {
    Object.assign(this, { kept, post, told, now });
    this.underway = new Set();
    this.timer = null;
  }

  entries() {
    return this.kept.read();
  }

  get(id) {
    return this.entries().find((each) => each.id === id);
  }

  // Whether something is on its way after which the case is no longer one's own.
  leaves(requestId) {
    return this.entries().some((each) => each.request_id === requestId && each.verb !== ":note");
  }

  add(entry) {
    this.kept.write([...this.entries(), entry]);
    this.pump();
  }

  // Out of the box again when nobody can have seen it; null when it may be on its way.
  take(id) {
    const entry = this.get(id);
    if (!entry || entry.tries > 0 || this.underway.has(id)) return null;
    this.remove(id);
    return entry;
  }

  change(id, fields) {
    this.kept.write(this.entries().map((each) => (each.id === id ? { ...each, ...fields } : each)));
  }

  remove(id) {
    this.kept.write(this.entries().filter((each) => each.id !== id));
  }

  // Another way than its own answer tells that it was accepted: the stream of changes names its id.
  accepted(id, judgement) {
    const entry = this.get(id);
    if (!entry) return;
    this.remove(id);
    this.told("accepted", entry, { kind: "done", body: judgement });
  }

  // All at once, as when the desk is back.
  hurry() {
    this.kept.write(this.entries().map((each) => ({ ...each, due: Math.min(each.due, this.now()) })));
    this.pump();
  }

  pump() {
    clearTimeout(this.timer);
    for (const entry of dueNow(this.entries(), this.now(), this.underway).slice(0, AT_ONCE - this.underway.size)) {
      this.send(entry);
    }
    const waiting = this.entries().filter((each) => !this.underway.has(each.id));
    if (waiting.length && this.underway.size < AT_ONCE) {
      const first = Math.min(...waiting.map((each) => each.due));
      this.timer = setTimeout(() => this.pump(), Math.max(50, first - this.now()));
    }
  }

  async send(entry) {
    this.underway.add(entry.id);
    let answer;
    try {
      answer = await this.post(entry);
    } finally {
      this.underway.delete(entry.id);
    }
    const now = this.get(entry.id); // it may have been heard of meanwhile
    if (now) this.settle(now, answer);
    this.pump();
  }

  settle(entry, answer) {
    const what = verdict(entry, answer);
    if (what === "later") this.change(entry.id, later(entry, this.now(), answer.seconds));
    else if (what === "doubt") this.change(entry.id, { doubt: answer.detail, due: this.now() + HEARD_MS });
    else this.remove(entry.id);
    this.told(what, entry, answer);
  }
}
