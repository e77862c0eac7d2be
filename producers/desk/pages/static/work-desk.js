// Asking the desk: with proof of the page, with an end to waiting, and what to make of each answer.

const PATIENCE_MS = 25_000; // the desk itself waits 15 s for casework
const LOOK_MS = 3_000; // between looks whether somebody has signed in again

export const pathOf = (requestId, verb) => `/v1/cases/${encodeURIComponent(requestId)}${verb}`;

// A {kind}: "done" (body), "refused" (status, reason, detail), "later" (seconds, detail), "signed_out", "foreign".
export async function read(response) {
  if (response.ok) return { kind: "done", body: await body(response) };
  const said = await problem(response);
  const { status } = response;
  if (status === 401 && said.reason === "no_session") return { kind: "signed_out", ...said };
  if (status === 403 && said.reason === "bad_csrf") return { kind: "foreign", ...said };
  if (status === 401 || status === 429 || status >= 500) {
    return { kind: "later", seconds: Number(response.headers.get("retry-after")) || undefined, ...said };
  }
  return { kind: "refused", status, ...said };
}

const body = (response) => (
  response.headers.get("content-type")?.includes("json") ? response.json() : response.text()
);

async function problem(response) {
  try {
    const { reason, detail } = await response.json();
    return { reason: reason ?? "", detail: detail ?? "" };
  } catch {
    return { reason: "", detail: `The desk answered ${response.status}.` };
  }
}

export class Desk {
  // `person`: whose page this is. `changed(state, other)` hears "here", "away", "over", or "other" with a name.
  constructor({ person, csrf, fetch, changed }) {
    Object.assign(this, { person, csrf, fetch, changed });
    this.state = "here";
    this.looking = false;
  }

  post(path, said = {}, options = {}) {
    const headers = { "content-type": "application/json", "x-csrf-token": this.csrf };
    return this.ask(path, { method: "POST", headers, body: JSON.stringify(said), ...options });
  }

  get(path) {
    return this.ask(path, {});
  }

  async ask(path, options) {
    if (this.state === "over" || this.state === "other") return { kind: "signed_out" };
    let answer;
    try {
      const made = await this.fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), credentials: "same-origin", ...options });
      answer = await read(made);
    } catch {
      answer = { kind: "later", detail: "The desk does not answer.", unreached: true };
    }
    if (answer.kind === "signed_out" || answer.kind === "foreign") return this.signedOut();
    this.become(answer.unreached ? "away" : "here");
    return answer;
  }

  // Nothing is asked for until the same person is signed in again, here or in another tab.
  signedOut() {
    this.become("over");
    this.look();
    return { kind: "signed_out" };
  }

  async look() {
    if (this.looking) return;
    this.looking = true;
    while (this.state !== "here") {
      const found = await this.session();
      if (found?.person?.reviewer_id === this.person) {
        this.csrf = found.csrf;
        this.become("here");
      } else {
        if (found) this.become("other", found.person.reviewer_id);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    }
    this.looking = false;
  }

  async session() {
    try {
      const made = await this.fetch("/session", { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
      return made.ok ? await made.json() : null;
    } catch {
      return null;
    }
  }

  become(state, other) {
    if (state === this.state) return;
    this.state = state;
    this.changed(state, other);
  }
}
