// What a case does by itself on a page: sensitive content shown and hidden, and deadlines that count down.
// Imported as a module; keys belong to the page that imports it.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SOON = 30 * MINUTE;
const UNITS = [[DAY, "d", HOUR, "h"], [HOUR, "h", MINUTE, "min"]];

// Shows what is hidden in a case, or hides it again; says whether there is anything of that kind.
export function revealed(caseElement, show = true) {
  const veils = caseElement.querySelectorAll("details[data-reveal]");
  for (const veil of veils) veil.open = show;
  return veils.length > 0;
}

// Whether anything of a case is still hidden.
export function isVeiled(caseElement) {
  return caseElement.querySelector("details[data-reveal]:not([open])") !== null;
}

// A span in its two largest units, in the words of the server (present/times.py).
export function spanOf(milliseconds) {
  for (const [size, name, smaller, small] of UNITS) {
    if (milliseconds >= size) {
      const whole = Math.floor(milliseconds / size).toLocaleString("en-US");
      const part = Math.floor((milliseconds % size) / smaller);
      return part ? `${whole} ${name} ${part} ${small}` : `${whole} ${name}`;
    }
  }
  const minutes = Math.floor(milliseconds / MINUTE);
  const seconds = Math.floor((milliseconds % MINUTE) / 1000);
  return minutes ? `${minutes} min ${seconds} s` : `${seconds} s`;
}

export function leftOf(left) {
  return left < 0 ? `overdue by ${spanOf(-left)}` : `${spanOf(left)} left`;
}

// How far this clock is ahead of the server's: a case that was fetched a while ago seems to say more, never less.
let ahead = Infinity;

export function tick(now = Date.now()) {
  for (const shown of document.querySelectorAll("[data-seen-at]")) {
    ahead = Math.min(ahead, now - Number(shown.dataset.seenAt));
  }
  for (const time of document.querySelectorAll("time[data-due]")) {
    const left = Number(time.dataset.due) - (now - (Number.isFinite(ahead) ? ahead : 0));
    const text = leftOf(left);
    if (time.textContent !== text) time.textContent = text;
    const due = time.closest(".due");
    const state = left < 0 ? "over" : left < SOON ? "soon" : "calm";
    if (due && due.dataset.state !== state) due.dataset.state = state;
  }
}

tick();
setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
