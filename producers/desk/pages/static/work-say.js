// What is told: the last thing that happened for everybody, also aloud; what must not be missed, until it is put away.

export class Voice {
  constructor(root) {
    this.said = root.querySelector("#work-said");
    this.status = root.querySelector("#work-status");
    this.notes = root.querySelector("#work-notes");
    this.happened = "";
  }

  // What happened just now. Said again it is read aloud again.
  say(text) {
    this.happened = text;
    this.tell(text);
  }

  // What follows from it, beside it: it comes by itself, and how to take an answer back must not go with it.
  follow(text) {
    this.tell(`${this.happened} ${text}`.trim());
  }

  tell(text) {
    this.said.textContent = "";
    requestAnimationFrame(() => { this.said.textContent = text; });
  }

  // How it stands, for as long as it does; nothing when all is well.
  stand(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
    this.status.hidden = text === "";
  }

  // Something to read, with what was typed and ways on ([text, action]); one about a case takes the place of the former.
  note({ kind = "warn", about = "", text, typed = "", ways = [] }) {
    this.forget(about);
    const box = element("div", `note ${kind} work-note`);
    box.dataset.about = about;
    box.append(element("p", "", text));
    if (typed) box.append(element("p", "small muted", "What you typed is kept:"), element("pre", "", typed));
    const row = element("p", "row");
    for (const [words, act] of ways) row.append(this.way(box, words, act));
    row.append(this.way(box, "Put away", () => {}));
    box.append(row);
    this.notes.append(box);
    return box;
  }

  way(box, words, act) {
    const made = element("button", "", words);
    made.type = "button";
    made.addEventListener("click", () => {
      box.remove();
      act();
    });
    return made;
  }

  forget(about) {
    if (!about) return;
    for (const box of this.notes.querySelectorAll(".work-note")) if (box.dataset.about === about) box.remove();
  }
}

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// How it stands, in one sentence: who does not answer, and what waits for that. Pure.
export function standing({ state, other, failing, waiting }) {
  const many = waiting === 1 ? "1 answer waits" : `${waiting} answers wait`;
  const kept = waiting ? ` ${many} here and ${waiting === 1 ? "is" : "are"} sent by ${waiting === 1 ? "itself" : "themselves"}.` : "";
  if (state === "over") return `Your session is over. Sign in again in another tab: nothing is lost, and this page goes on by itself.${kept}`;
  if (state === "other") {
    return `${other} is signed in in this browser now, and this page is of somebody else. What was typed here stays here until its person signs in again.`;
  }
  if (state === "away") return `The desk does not answer. It is tried again by itself.${kept}`;
  if (failing) return `${failing} does not answer. It is tried again by itself.${kept}`;
  return "";
}

// Who it is that does not answer, by the reason that the desk gives.
export const silent = (reason) => (
  { not_judged: "Casework", read_model: "The view of the cases", sessions_away: "The view of the cases", starting: "The desk" }[reason]
  ?? (["not_acknowledged", "too_much_under_way", "log_unavailable"].includes(reason) ? "The log" : "Casework")
);
