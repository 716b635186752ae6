import fc from "fast-check";
import { expect, it } from "vitest";
import { uuidv7Maker } from "./uuidv7";

it("W5 ids are valid, carry the time, and ascend also within a millisecond and when the clock steps back", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 3 }), { minLength: 2, maxLength: 300 }), (steps) => {
      let now = 1_790_000_000_000;
      const make = uuidv7Maker(
        () => now,
        (count) => Uint8Array.from({ length: count }, (_, index) => (index * 37 + now) & 0xff),
      );
      const ids = steps.map((step) => {
        now += step;
        return make();
      });
      // The pattern of `Uuid` in chat/entrances/web/protocol.py, with version and variant.
      for (const id of ids)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect([...ids].sort()).toEqual(ids);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

it("counts past 4096 ids in one millisecond", () => {
  const make = uuidv7Maker(
    () => 5,
    (count) => new Uint8Array(count).fill(255),
  );
  const ids = Array.from({ length: 10_000 }, make);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
