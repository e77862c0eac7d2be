// The cases that are here: the one on screen, and up to two that were granted and rendered ahead of it.

export const MOST_AHEAD = 2;

export class Hand {
  constructor() {
    this.current = null;
    this.ahead = [];
  }

  all() {
    return this.current ? [this.current, ...this.ahead] : [...this.ahead];
  }

  find(id) {
    return this.all().find((each) => each.id === id) ?? null;
  }

  wants() {
    return this.all().length < 1 + MOST_AHEAD;
  }

  // A further case, last in line; true when it is the one to show.
  take(made) {
    if (this.find(made.id)) return false;
    this.ahead.push(made);
    return this.current === null && this.next() !== null;
  }

  // The case on screen is done with; the next one, or null.
  next() {
    this.current = this.ahead.shift() ?? null;
    return this.current;
  }

  // A case comes (back) on screen; what was there is the next one.
  show(made) {
    if (this.current?.id === made.id) return;
    this.drop(made.id);
    if (this.current) this.ahead.unshift(this.current);
    this.current = made;
  }

  // A case comes right after the one on screen; true when it is the one to show.
  insert(made) {
    if (this.find(made.id)) return false;
    this.ahead.unshift(made);
    return this.current === null && this.next() !== null;
  }

  // It is not here any more.
  drop(id) {
    this.ahead = this.ahead.filter((each) => each.id !== id);
    if (this.current?.id === id) this.current = null;
  }
}
