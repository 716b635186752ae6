import { describe, expect, test } from "vitest";
import { reaches, withAround, withBefore, withBetween } from "./apart";
import type { Item } from "./protocol.gen";
import { fromSnapshot, type Replica } from "./replica";

const item = (seq: number): Item => ({
  kind: "message",
  seq,
  id: `m${seq}`,
  text: `t${seq}`,
  at: seq,
  origin: { entrance: "web", name: "" },
  attachments: [],
  left_out: null,
});
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => item(from + n));
const live = (): Replica =>
  fromSnapshot("1:200:t", { items: range(150, 200), info: null, run: null } as never, null, null);
const seqs = (items: readonly Item[] | undefined) => items?.map(({ seq }) => seq);
const made = (applied: ReturnType<typeof withAround>): Replica => {
  if (typeof applied === "string") throw new Error(applied);
  return applied;
};

describe("a jump", () => {
  test("shows what is around a place, apart from what is live", () => {
    const there = made(withAround(live(), 150, range(40, 60), false, true));
    expect(there.floor).toBe(150);
    expect(there.apart).toMatchObject({ from: 40, to: 60, first: false });
    expect(reaches(there, 50)).toBe(true);
    expect(reaches(there, 100)).toBe(false);
  });

  test("to a place near what is live leaves no hole", () => {
    const there = made(withAround(live(), 150, range(120, 149), false, false));
    expect(there.apart).toBeNull();
    expect(there.floor).toBe(120);
    expect(seqs(there.older)).toEqual(seqs(range(120, 149)));
  });

  test("grows upwards to the beginning, and the hole closes from either side", () => {
    let now = made(withAround(live(), 150, range(40, 60), false, true));
    now = made(withBefore(now, now.apart ?? never(), range(2, 39), false));
    expect(now.apart).toMatchObject({ from: 2, first: true });
    now = made(withBetween(now, now.apart ?? never(), 150, range(61, 100), true, false));
    expect(now.apart).toMatchObject({ from: 2, to: 100 });
    now = made(withBetween(now, now.apart ?? never(), 150, range(120, 149), true, true));
    expect(now.floor).toBe(120);
    now = made(withBetween(now, now.apart ?? never(), 120, range(101, 119), false, true));
    expect(now.apart).toBeNull();
    expect(now.complete).toBe(true);
    expect(seqs(now.older)).toEqual(seqs(range(2, 149)));
  });

  test("that is overtaken by another one, or by a page, changes nothing", () => {
    const now = made(withAround(live(), 150, range(40, 60), false, true));
    const old = now.apart ?? never();
    const other = made(withAround(now, 150, range(80, 90), false, true));
    expect(withBefore(other, old, range(2, 39), false)).toBe("stale");
    expect(withBetween(other, old, 150, range(61, 70), true, false)).toBe("stale");
    expect(withAround(other, 149, range(2, 9), true, true)).toBe("stale");
  });

  test("stays over a snapshot of the same history, and not over one of another", () => {
    const now = made(withAround(live(), 150, range(40, 60), false, true));
    const state = { items: range(160, 210), info: null, run: null } as never;
    expect(fromSnapshot("1:210:u", state, null, now).apart).toBe(now.apart);
    expect(fromSnapshot("2:210:u", state, null, now).apart ?? null).toBeNull();
  });
});

function never(): never {
  throw new Error("nothing is apart");
}
