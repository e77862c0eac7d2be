// A case in the page: what the server rendered, what is typed beside it, and what of that makes an answer.

export const newId = () => (crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join(""));

// A case as the server renders it; `now` in milliseconds. Null when the fragment holds none.
export function caseIn(fragment, now) {
  const root = fragment.querySelector("[data-work-case]");
  return root ? caseOf(root, now) : null;
}

export function caseOf(root, now) {
  const said = root.dataset;
  const until = said.until ? Number(said.until) : null;
  return {
    id: said.workCase, root, title: said.title, review: JSON.parse(said.review), lease: said.lease ? Number(said.lease) : null,
    until, term: until === null ? null : until - now, lost: false, renewing: false, renewAfter: 0,
  };
}

export function fragmentOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

const field = (root, name) => root.querySelector(`[data-field="${name}"]`);
const codes = (root) => [...root.querySelectorAll('[data-field="reason_codes"]')];

export function typed(root) {
  return {
    confidence: Number(field(root, "confidence")?.value ?? 1),
    feedback: field(root, "feedback")?.value ?? "",
    reason_codes: codes(root).filter((box) => box.checked).map((box) => box.value),
  };
}

// Of an answer, what was typed.
export const wordsOf = ({ confidence, feedback, reason_codes }) => ({ confidence, feedback, reason_codes });

// What is worth keeping of it: nothing while it is as it came.
export function draft(root) {
  const { confidence, feedback, reason_codes } = typed(root);
  return { confidence: confidence === 1 ? null : confidence, feedback, reason_codes };
}

export function fill(root, { confidence, feedback, reason_codes }) {
  if (confidence != null && field(root, "confidence")) field(root, "confidence").value = confidence;
  if (feedback && field(root, "feedback")) field(root, "feedback").value = feedback;
  for (const box of codes(root)) box.checked = (reason_codes ?? []).includes(box.value);
  showConfidence(root);
}

export function showConfidence(root) {
  const input = field(root, "confidence");
  const shown = root.querySelector("[data-confidence]");
  if (input && shown) shown.textContent = `${Math.round(input.value * 100)} %`;
}

// The answer that was given before, marked in words, after it was taken back.
export function markFormer(root, body) {
  for (const button of root.querySelectorAll("[data-do]")) button.removeAttribute("aria-description");
  const shown = root.querySelector("[data-former]");
  const button = [...root.querySelectorAll("[data-action]")].find((each) => (
    each.dataset.action === body.action && (each.dataset.label ?? null) === (body.label ?? null)
  ));
  const words = button?.dataset.words ?? body.action;
  shown.textContent = `You had answered: ${words}.`;
  shown.hidden = false;
  button?.setAttribute("aria-description", "your answer before");
}

// The answer as the desk's interface takes it.
export function answerOf(made, { action, label }, { grace, id }) {
  const lease = made.lease === null ? {} : { lease: made.lease };
  const named = label ? { label } : {};
  return { action, ...named, ...typed(made.root), ...lease, review: made.review, grace_seconds: grace, decision_id: id };
}
