// The cases that are here: the one on screen, and up to two that were granted and rendered ahead of it. Beside them those
// that one had when the page was made: the page before may have let them go since.

export const MOST_AHEAD = 2;

export class Hand {
  constructor() {
    this.current = null;
    this.ahead = [];
    this.unsure = [];
  }

  // What one had when the page was made: the one that was on screen last, or else the first, stays; the others are unsure.
  begin(held, last) {
    this.current = held.find(({ id }) => id === last) ?? held[0] ?? null;
    this.unsure = held.filter((made) => made !== this.current);
  }

  // Whether one that was unsure is one's own has been told; true when it is the one to show.
  settle(made, isOwn) {
    this.unsure = this.unsure.filter((each) => each !== made);
    return isOwn && this.take(made);
  }

  all() {
    return this.current ? [this.current, ...this.ahead] : [...this.ahead];
  }

  find(id) {
    return this.all().find((each) => each.id === id) ?? null;
  }

  wants() {
    return this.all().length + this.unsure.length < 1 + MOST_AHEAD;
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
