// For how long the cases here are one's own: when a lease is renewed, and when that ends because nobody is there. Pure.

export const IDLE_MS = 5 * 60_000; // without a key or a pointer: then leases are renewed no longer
export const LAST_MS = 60_000; // before a lease ends a person is told

export const isActive = (now, lastSeen) => now - lastSeen < IDLE_MS;

// At half its term a lease is renewed; one of which the term is not known yet, at once.
export function isDue(held, now) {
  if (held.lost || held.renewing || now < (held.renewAfter ?? 0)) return false;
  return held.lease === null || held.until === null || held.until - now < held.term / 2;
}

export const hasEnded = (held, now) => held.until !== null && now >= held.until;

// 3:07, or 1:02:07.
export function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

// What stands beside a case about its lease.
export function words(held, now, active) {
  if (held.lost) return "no longer yours";
  if (held.until === null) return "yours";
  const left = clock(held.until - now);
  if (hasEnded(held, now)) return "the lease has run out";
  return active ? `yours for ${left}` : `yours for ${left}, not renewed while you are away`;
}
