// When to try again (rule W9): full jitter, so that the clients of a restarted server do not come back as one.

const BASE = 500;
const CAP = 20_000;
/** A link that held shorter than this did not hold: a server that drops everyone at once must not be hammered. */
const STABLE = 10_000;

/** Milliseconds before try `attempt` (1 is the first after a loss); `random` in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const ceiling = Math.min(CAP, BASE * 2 ** Math.min(attempt - 1, 30));
  return Math.round(random * ceiling);
}

/** Milliseconds before the try that follows a `goaway`: what the server asked for, spread a little. */
export function afterGoaway(after_ms: number, random: number): number {
  return after_ms + Math.round(random * BASE);
}

/** The number of the next try, after a link that was up for `held` ms (null: it never was). */
export function nextAttempt(attempt: number, held: number | null): number {
  return held !== null && held >= STABLE ? 1 : attempt + 1;
}
