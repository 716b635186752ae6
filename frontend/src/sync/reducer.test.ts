import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AnyEvent, SessionState } from "./protocol.gen";
import { EMPTY, reduce, type State } from "./reducer";
import { fromSnapshot, withEvent } from "./replica";

interface Vector {
  name: string;
  events: { seq: number; event: AnyEvent }[];
  /** `moved`: another branch is shown from here on, so this state comes as a snapshot. */
  states: { seq: number; state: SessionState; moved?: boolean }[];
}

const folder = join(import.meta.dirname, "../../../tests/wire");
const vectors = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Vector);

/** All states along a history, by seq. */
function along(vector: Vector, from: State, after: number): Map<number, State> {
  const states = new Map<number, State>();
  let state = from;
  for (const { seq, event } of vector.events) {
    if (seq <= after) continue;
    const snapshot = vector.states.find((one) => one.seq === seq && one.moved);
    state = snapshot?.state ?? reduce(state, event, seq).state;
    states.set(seq, state);
  }
  return states;
}

interface Kept {
  name: string;
  events: { seq: number; text: string }[];
  states: { seq: number; state: SessionState }[];
}

const releases = readdirSync(join(folder, "releases"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(join(folder, "releases", file), "utf8")) as Kept);

describe("reducer", () => {
  it("has vectors to be held by", () => {
    expect(vectors.length).toBeGreaterThan(0);
    expect(vectors.every((vector) => vector.events.length > 0 && vector.states.length > 0)).toBe(true);
  });

  it.each(vectors)("S4 makes the states that Python made: $name", (vector) => {
    const states = along(vector, EMPTY, 0);
    for (const { seq, state } of vector.states) expect(states.get(seq), `after ${seq}`).toEqual(state);
  });

  it.each(vectors)("S4 snapshot at S and the events up to H equal the snapshot at H: $name", (vector) => {
    const last = vector.states.at(-1);
    for (const { seq, state } of vector.states.slice(0, -1)) {
      expect(along(vector, state, seq).get(last?.seq ?? 0), `from ${seq}`).toEqual(last?.state);
    }
  });

  it.each(vectors)(
    "changes nothing it was given, and keeps the identity of what did not change: $name",
    (vector) => {
      let state = EMPTY;
      for (const { seq, event } of vector.events) {
        const before = deepFreeze(state);
        state = reduce(before, deepFreeze(event), seq).state;
        const was = new Map(before.items.map((item) => [item.id, item]));
        const touched = state.items.filter((item) => was.get(item.id) !== item);
        expect(touched.length, `items touched by ${event.type}`).toBeLessThanOrEqual(1);
      }
    },
  );

  it.each(releases)("J5 reads what an earlier release wrote as it was meant: $name", (kept) => {
    const expected = new Map(kept.states.map(({ seq, state }) => [seq, state]));
    let state = EMPTY;
    for (const { seq, text } of kept.events) {
      state = reduce(state, JSON.parse(text) as AnyEvent, seq).state;
      const then = expected.get(seq);
      if (then !== undefined) expect(state, `after ${seq}`).toMatchObject(then);
    }
  });

  it.each([
    { type: "run.paused", at: 1, run: "r" },
    { type: "toString" },
    { type: "run.finished", v: 2, at: 1, run: "r", limit: null, detail: "" },
    { type: "conversation.pinned", ignorable: true },
  ])("J3 passes an event on that this release cannot read: %o", (foreign) => {
    const state: SessionState = { info: info(), run: null, items: [] };
    const before = fromSnapshot("e:1:a", state, null, null);
    const frame = { type: "event", conversation: "c", prev: "e:1:a", cursor: "e:2:b", seq: 2 } as const;
    const after = withEvent(before, { ...frame, event: foreign as unknown as AnyEvent });
    expect(after).toEqual({ ...before, cursor: "e:2:b" });
  });

  it("evicts what left the window and does not call a discarded step evicted", () => {
    const vector = vectors.find(({ name }) => name === "discarded-in-a-full-window");
    let state = EMPTY;
    const evicted: string[] = [];
    for (const { seq, event } of vector?.events ?? []) {
      const reduced = reduce(state, event, seq);
      state = reduced.state;
      evicted.push(...reduced.evicted.map((item) => item.id));
    }
    expect(evicted.length).toBeGreaterThan(0);
    expect(evicted).not.toContain("r.1");
    expect(new Set(evicted).size).toBe(evicted.length);
  });
});

function info(): SessionState["info"] {
  return { title: "T", agent: "a", created_at: 0, usage: { input: 0, output: 0, cached: 0, cost: null } };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
