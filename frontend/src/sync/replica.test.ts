import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventFrame, Item, Part, StepItem } from "./protocol.gen";
import { NO_USAGE } from "./reducer";
import { fromSnapshot, known, type Replica, withEvent, withPage, withPart } from "./replica";

const STEP: StepItem = {
  kind: "step",
  seq: 60,
  id: "s",
  run: "r",
  status: "streaming",
  attempt: 1,
  survived: false,
  model: "m",
  text: "",
  reasoning: "",
  calls: [],
  usage: null,
  incomplete: null,
  at: 0,
  ended_at: null,
  left_out: null,
};

function note(seq: number): Item {
  const origin = { entrance: "web", name: "" };
  return { kind: "note", seq, id: `n${seq}`, text: "", at: 0, origin, left_out: null };
}

function replica(text: string | null, items: Item[] = [note(50), STEP]): Replica {
  const info = { title: "", agent: "", created_at: 0, usage: NO_USAGE };
  const part = text === null ? null : { message: "s", text };
  return fromSnapshot("e:60:t", { info, run: null, items }, part, null);
}

function part(offset: number, text: string, message = "s"): Part {
  return { type: "part", conversation: "c", message, offset, text };
}

describe("W2 events", () => {
  const titled = (prev: string, cursor: string, seq: number): EventFrame => ({
    type: "event",
    conversation: "c",
    prev,
    cursor,
    seq,
    event: { type: "conversation.renamed", at: 0, title: "T" },
  });

  it("follow one another: after a hole comes a gap, and what is known is stale", () => {
    const before = replica(null);
    expect(withEvent(before, titled("e:60:t", "e:61:u", 61))).toMatchObject({ cursor: "e:61:u" });
    expect(withEvent(before, titled("e:61:u", "e:62:v", 62))).toBe("gap");
    expect(withEvent(before, titled("e:59:s", "e:60:t", 60))).toBe("stale");
    expect(withEvent(before, titled("f:59:s", "f:60:t", 60))).toBe("gap");
  });
});

describe("W4 parts", () => {
  it("any repeated and overlapping slices of a text, in order of their ends, give that text", () => {
    const slices = fc.string({ unit: "grapheme", maxLength: 40 }).chain((text) =>
      fc.record({
        text: fc.constant(text),
        cuts: fc.array(fc.tuple(fc.nat(text.length), fc.nat(text.length)), { maxLength: 10 }),
      }),
    );
    fc.assert(
      fc.property(slices, ({ text, cuts }) => {
        let now = replica("");
        for (const [a, b] of [...cuts, [text.length, 0] as const]) {
          const offset = Math.min(a, b, now.part?.text.length ?? 0);
          const next = withPart(now, part(offset, text.slice(offset, Math.max(a, b))));
          expect(next).not.toBe("gap");
          if (typeof next !== "string") now = next;
        }
        expect(now.part?.text).toBe(text);
      }),
    );
  });

  it("trims what overlaps, and a hole or another text is a gap", () => {
    expect(withPart(replica("hello"), part(3, "lo you"))).toMatchObject({ part: { text: "hello you" } });
    expect(withPart(replica("hello"), part(6, "x"))).toBe("gap");
    expect(withPart(replica("hello"), part(0, "other"))).toBe("gap");
    expect(withPart(replica("hello"), part(3, "xx longer"))).toBe("gap");
    expect(withPart(replica(null), part(1, "x"))).toBe("gap");
    expect(withPart(replica("hello"), part(0, "hello"))).toBe("stale");
  });

  it("a part of a step that does not stream is nothing", () => {
    expect(withPart(replica(null), part(0, "x", "n50"))).toBe("stale");
    expect(withPart(replica(null), part(0, "x", "unknown"))).toBe("stale");
    expect(withPart(replica(null, [{ ...STEP, status: "finished" }]), part(0, "x"))).toBe("stale");
  });
});

describe("W4 reasoning", () => {
  const thought = (offset: number, text: string): Part => ({ ...part(offset, text), message: "s/thinking" });

  it("streams beside the text, each by its own offsets", () => {
    let held = replica(null);
    for (const frame of [thought(0, "Rome"), part(0, "It"), thought(4, "?"), part(2, " is")]) {
      held = withPart(held, frame) as Replica;
    }
    expect(held.thought).toEqual({ message: "s", text: "Rome?" });
    expect(held.part).toEqual({ message: "s", text: "It is" });
    expect(withPart(held, thought(9, "x"))).toBe("gap");
  });

  it("survives a snapshot that holds only what came last, and no other step", () => {
    const info = { title: "", agent: "", created_at: 0, usage: NO_USAGE };
    const held = withPart(replica("It"), thought(0, "Rome")) as Replica;
    const state = { info, run: null, items: [note(50), STEP] };
    const thinks = { message: "s/thinking", text: "Rome?" };
    expect(fromSnapshot("e:60:t", state, thinks, held)).toMatchObject({
      part: { text: "It" },
      thought: { message: "s", text: "Rome?" },
    });
    expect(fromSnapshot("e:60:t", state, { message: "s", text: "It is" }, held).thought?.text).toBe("Rome");
    const other = { ...state, items: [note(50), { ...STEP, id: "t" }] };
    expect(fromSnapshot("e:60:t", other, null, held).thought).toBeNull();
  });
});

describe("older pages", () => {
  it("join where they were asked for, without what is shown already", () => {
    const joined = withPage(replica(null), 50, [note(40), note(45), STEP], true);
    expect(joined).toMatchObject({ floor: 40, complete: false, older: [note(40), note(45)] });
  });

  it("that were asked for at another place, or are older than the window, do not fit", () => {
    expect(withPage(replica(null), 49, [note(40)], true)).toBe("stale");
    expect(withPage(replica(null), 50, [{ ...STEP, seq: 41, id: "discarded since" }], true)).toBe("stale");
  });

  it("end with the one after which there is nothing", () => {
    expect(withPage(replica(null), 50, [note(40)], false)).toMatchObject({ complete: true });
    expect(withPage(replica(null), 50, [], false)).toMatchObject({ complete: true });
    expect(withPage(replica(null), 50, [note(2)], true)).toMatchObject({ complete: true });
  });

  it("an open step that stands alone below the window is no floor", () => {
    const lone = { ...STEP, seq: 3 };
    expect(replica(null, [lone, note(50), note(51)])).toMatchObject({ floor: 50, complete: false });
    expect(replica(null, [note(2)])).toMatchObject({ floor: 2, complete: true });
    expect(replica(null, [])).toMatchObject({ complete: true });
  });
});

describe("B6 branches", () => {
  const branches = {
    shown: "b",
    path: [
      { branch: "", below: 10 },
      { branch: "b", below: null },
    ],
    forks: [{ before: 10, ways: ["", "b"], at: 1 }],
    all: [{ id: "b", parent: "", before: 10, shown_at: 20 }],
    main_shown_at: 0,
  };
  const open: Item = { ...STEP, seq: 12 };
  const items = [note(9), open, { ...note(21), branch: "b" }];
  const info = { title: "", agent: "", created_at: 0, usage: NO_USAGE };
  const state = { info, run: null, items, branches, seen: { seen: { "": 20, b: 20 } } };
  const held = fromSnapshot("e:30:t", state, null, null);
  const frame = (event: object) => ({
    ...{ type: "event", conversation: "c", prev: "e:30:t", cursor: "e:31:u", seq: 31 },
    event,
  });

  it("shows what is on the path; what is open elsewhere is held and not shown, and makes no floor", () => {
    expect(known(held).map((item) => item.seq)).toEqual([9, 21]);
    expect(held.state.items).toContain(open);
    expect(held.floor).toBe(9);
  });

  it("asks for a snapshot when another branch is shown, and keeps what it has until then", () => {
    for (const type of ["branch.opened", "branch.chosen"]) {
      expect(
        withEvent(held, frame({ type, at: 0, branch: "", parent: "", before: 1, by: "" }) as never),
      ).toBe("gap");
    }
  });

  it("lets go of what ends elsewhere, without a place among the older ones", () => {
    const event = {
      type: "step.finished",
      at: 1,
      run: "r",
      step: "s",
      text: "x",
      calls: [],
      usage: NO_USAGE,
    };
    const next = withEvent(
      held,
      frame({ ...event, finish: "", issuer: "", replay: null }) as never,
    ) as Replica;
    expect(next.state.items.map((item) => item.seq)).toEqual([9, 21]);
    expect(next.older).toEqual([]);
  });
});
