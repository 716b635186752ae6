import fc from "fast-check";
import { expect, it } from "vitest";
import { afterGoaway, backoff, nextAttempt } from "./backoff";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

it("W9 full jitter from 0.5 s, doubling, capped at 20 s", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), random, (attempt, chance) => {
      const ceiling = Math.min(20_000, 500 * 2 ** (attempt - 1));
      const wait = backoff(attempt, chance);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(ceiling);
      expect(Math.abs(wait - chance * ceiling)).toBeLessThanOrEqual(0.5);
    }),
  );
});

it("W9 begins again only after a link that held for 10 s", () => {
  expect(nextAttempt(5, 10_000)).toBe(1);
  expect(nextAttempt(5, 9_999)).toBe(6);
  expect(nextAttempt(5, null)).toBe(6);
});

it("W9 never comes back before the server asked for", () => {
  fc.assert(
    fc.property(fc.nat(60_000), random, (ms, chance) => {
      expect(afterGoaway(ms, chance)).toBeGreaterThanOrEqual(ms);
      expect(afterGoaway(ms, chance)).toBeLessThanOrEqual(ms + 500);
    }),
  );
});
