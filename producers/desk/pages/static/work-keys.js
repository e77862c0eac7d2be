// Which key does what: the keys as they come, what a person made of them, and what a key press means. Pure but for `listen`.

// `repeats`: goes on while the key is held down; all others happen once a press.
export const ACTIONS = [
  { name: "approve", key: "a", text: "Approve", group: "Answer" },
  { name: "reject", key: "r", text: "Reject", group: "Answer" },
  { name: "escalate", key: "e", text: "Send to an expert", group: "Answer" },
  { name: "mark_wrong", key: "w", text: "The recommendation is wrong", group: "Answer" },
  ...Array.from({ length: 9 }, (_, at) => (
    { name: `label_${at + 1}`, key: `${at + 1}`, text: `The ${["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"][at]} of several answers`, group: "Answer" }
  )),
  { name: "undo", key: "u", text: "Take the last answer back", group: "Answer" },
  { name: "confidence", key: "c", text: "Say how sure you are", group: "Say more" },
  { name: "feedback", key: "f", text: "Write feedback", group: "Say more" },
  { name: "note", key: "n", text: "Write a note beside the case", group: "Say more" },
  { name: "hold", key: "h", text: "Set the case aside", group: "Pass on" },
  { name: "release", key: "x", text: "Give the case back", group: "Pass on" },
  { name: "hand_over", key: "g", text: "Give the case to somebody", group: "Pass on" },
  { name: "return", key: "b", text: "Back to reviewers, by an expert", group: "Pass on" },
  { name: "take_again", key: "t", text: "Take the case again, after its lease has ended", group: "Pass on" },
  { name: "reveal", key: "v", text: "Show what is hidden, and hide it again", group: "Look" },
  { name: "guideline", key: "i", text: "The workflow's guideline", group: "Look" },
  { name: "down", key: "j", text: "Scroll down", group: "Look", repeats: true },
  { name: "up", key: "k", text: "Scroll up", group: "Look", repeats: true },
  { name: "look_again", key: ".", text: "Look for a case now", group: "Look" },
  { name: "mine", key: "l", text: "Your cases, also those set aside", group: "Look" },
  { name: "statistics", key: "s", text: "Your statistics", group: "Look" },
  { name: "help", key: "?", text: "This list", group: "Look" },
];
const BY_NAME = new Map(ACTIONS.map((action) => [action.name, action]));
export const DEFAULTS = Object.fromEntries(ACTIONS.map((action) => [action.name, action.key]));
export const named = (key) => (key === " " ? "space" : key);

// What a kept map makes of the defaults; what is not understood, or would give a key twice, counts for nothing.
export function mapOf(kept) {
  let map = { ...DEFAULTS };
  for (const [name, key] of Object.entries(kept ?? {})) {
    if (typeof key === "string" && BY_NAME.has(name)) map[name] = key;
  }
  const keys = Object.values(map);
  if (new Set(keys).size < keys.length || keys.some((key) => why_not(key))) map = { ...DEFAULTS };
  return map;
}

// The map after a change, or why it cannot be made, in a sentence.
export function changed(map, name, key) {
  const bad = why_not(key);
  if (bad) return { refused: bad };
  const other = Object.keys(map).find((each) => each !== name && map[each] === key);
  if (other) {
    return { refused: `“${key}” is the key of “${BY_NAME.get(other).text}”. Give that another key first, or choose one that is free.` };
  }
  return { map: { ...map, [name]: key } };
}

function why_not(key) {
  if ([...key].length !== 1 || key.trim() === "") {
    return `“${named(key)}” is needed to move about the page. Choose a letter, a digit or a sign.`;
  }
  return null;
}

// Only what differs from the defaults is kept.
export const own = (map) => Object.fromEntries(Object.entries(map).filter(([name, key]) => DEFAULTS[name] !== key));

export const normal = (key) => ([...key].length === 1 ? key.toLowerCase() : key);

// Whether letters that are pressed there are text.
export function isTyping(target) {
  if (!target?.matches) return false;
  const writes = "textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio], [type=button], [type=submit])";
  return target.matches(writes);
}

// The action that a key press asks for; null when it is for the browser, or for a field.
export function asked(event, map) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isTyping(event.target)) return null;
  const key = normal(event.key);
  const name = Object.keys(map).find((each) => map[each] === key);
  if (!name || (event.repeat && !BY_NAME.get(name).repeats)) return null;
  return name;
}

// `keys()` gives the map in force, or null while keys are off; `act(name, event)` does what is asked.
export function listen(document, keys, act) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && isTyping(event.target) && !event.target.closest("dialog")) {
      event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const map = keys();
    const name = map && asked(event, map);
    if (!name) return;
    event.preventDefault();
    act(name, event);
  });
}
