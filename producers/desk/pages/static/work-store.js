// What this browser keeps for one person: answers on their way, what is half typed, keys. Nothing here is ever sent by itself.

const MOST_DRAFTS = 200;
const KEPT_MS = 30 * 86_400_000;

// A value in `storage` under a person's own name. What cannot be kept (a full or private window) lives in the page alone.
export class Kept {
  constructor(storage, person, name, empty) {
    this.storage = storage;
    this.key = `hitl:${name}:${person}`;
    this.empty = empty;
    this.spare = undefined;
    this.works = true;
  }

  read() {
    if (this.spare !== undefined) return this.spare;
    try {
      const text = this.storage.getItem(this.key);
      return text === null ? structuredClone(this.empty) : JSON.parse(text);
    } catch {
      return structuredClone(this.empty);
    }
  }

  write(value) {
    try {
      this.storage.setItem(this.key, JSON.stringify(value));
      this.spare = undefined;
      this.works = true;
    } catch {
      this.spare = value;
      this.works = false;
    }
  }
}

// What is half typed, by case and field.
export class Drafts {
  constructor(kept, now) {
    this.kept = kept;
    this.now = now;
  }

  of(id) {
    return this.kept.read()[id]?.fields ?? {};
  }

  put(id, fields) {
    const all = this.kept.read();
    if (Object.values(fields).every((value) => value === "" || value == null || value.length === 0)) delete all[id];
    else all[id] = { at: this.now(), fields };
    this.kept.write(pruned(all, this.now()));
  }

  drop(id) {
    const all = this.kept.read();
    if (!(id in all)) return;
    delete all[id];
    this.kept.write(all);
  }
}

// The newest, and none that is older than a month.
export function pruned(all, now) {
  const young = Object.entries(all).filter(([, draft]) => now - draft.at < KEPT_MS);
  young.sort(([, a], [, b]) => b.at - a.at);
  return Object.fromEntries(young.slice(0, MOST_DRAFTS));
}
