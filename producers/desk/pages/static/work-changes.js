// What happens to one's cases, as it happens: the desk's stream of changes, and what each change means here.

const AGAIN_MS = 2_000;
const LONGEST_MS = 20_000;
export const HEARD = [
  "LeaseGranted", "LeaseExtended", "LeaseEnded", "HoldEnded", "CaseHeld", "CaseAnnounced", "CaseNoted", "CaseReprioritised",
  "CaseReturned", "CaseClosed", "CaseEscalated", "AnswerReceived", "AnswerCounted",
];

// What a change means for whoever sits here: {does, …}, or null when it means nothing. `expected` holds what one asked for
// oneself (`${event}:${request}`), `holds(id)` says whether a case is here. Pure.
export function meaning(change, me, { holds, expected }) {
  const { event, request_id: id, reviewer_id: who } = change;
  const here = holds(id);
  switch (event) {
    case "LeaseGranted":
      if (who !== me) return here ? { does: "lost", id, says: change.text } : null;
      if (change.handed_over_by && change.handed_over_by !== me) {
        return { does: "given", id, lease: change.lease, until: change.expires_at, by: change.handed_over_by };
      }
      return here ? { does: "lease", id, lease: change.lease, until: change.expires_at } : null;
    case "LeaseExtended":
      return here && who === me ? { does: "lease", id, lease: change.lease, until: change.expires_at } : null;
    case "LeaseEnded":
      return here && who === me && !expected.has(id) ? { does: "lost", id, says: ended(change) } : null;
    case "CaseHeld":
      return here && who !== me ? { does: "lost", id, says: change.text } : null;
    case "HoldEnded":
      return who === me && !expected.has(id) ? { does: "told", id, says: holdEnded(change) } : null;
    case "CaseAnnounced":
      return here ? { does: "review", id, review: change.review } : null;
    case "CaseReprioritised":
      return here ? { does: "told", id, says: change.text } : null;
    case "CaseNoted":
      return here && who !== me ? { does: "noted", id, says: change.text } : null;
    case "CaseClosed": case "CaseEscalated": case "CaseReturned":
      return here && !expected.has(id) ? { does: "lost", id, says: change.text } : null;
    case "AnswerReceived": case "AnswerCounted":
      return who === me ? { does: "accepted", id, decision: change.decision_id, leaves_at: change.leaves_at ?? null } : null;
    default:
      return null;
  }
}

const ended = (change) => (
  change.ended_by === "expired" ? "Your lease has run out, and the case is free for others." : "The case was given back for you, and is free for others."
);
const holdEnded = (change) => (
  change.ended_by === "expired" ? "The time for which you had set it aside is over; it is free for everybody again." : "What you had set aside was given free."
);

// Listens for ever; `heard(change)` for each, `opened(again)` when it begins, `broken()` when it must begin anew.
export class Changes {
  constructor({ open, heard, opened, broken }) {
    Object.assign(this, { open, heard, opened, broken });
    this.failures = 0;
    this.source = null;
    this.again = false;
  }

  start() {
    this.source?.close();
    const source = this.open("/v1/changes?mine=true");
    this.source = source;
    source.addEventListener("opened", () => {
      this.failures = 0;
      this.opened(this.again);
      this.again = true;
    });
    for (const name of HEARD) source.addEventListener(name, (event) => this.heard(JSON.parse(event.data)));
    source.onerror = () => {
      this.broken();
      if (source.readyState !== 2) return; // the browser connects again by itself, from where it was
      source.close();
      this.failures += 1;
      this.timer = setTimeout(() => this.start(), Math.min(LONGEST_MS, AGAIN_MS * 2 ** Math.min(this.failures, 5)));
    };
  }

  stop() {
    clearTimeout(this.timer);
    this.source?.close();
  }
}
