import { describe, expect, test } from "vitest";
import { call, message, notice, run, step } from "./gallery/fake";
import { exactArguments, humanise, readArguments, rowsOf, rowsToKeep, runState } from "./view";

const waiting = (items: Parameters<typeof rowsOf>[0]["items"], active = run("running")) =>
  rowsOf({ items, pending: [], run: active }).flatMap((row) =>
    row.type === "item" && row.waits ? [row.key] : [],
  );

describe("R6: a message that arrives during a run waits for its turn", () => {
  test("the message that caused the run does not wait", () => {
    expect(waiting([message(1, "a"), step(2, "", { status: "streaming" })])).toEqual([]);
    expect(waiting([message(1, "a")], run("queued"))).toEqual([]);
  });

  test("a later one waits until a step stands after it", () => {
    const items = [message(1, "a"), step(2, "", { status: "streaming" }), message(5, "b")];
    expect(waiting(items)).toEqual(["m5"]);
    expect(waiting([...items, step(7, "")])).toEqual([]);
  });

  test("nothing waits when no run is active", () => {
    expect(waiting([message(1, "a"), step(2, ""), message(5, "b")], run("stopped"))).toEqual([]);
  });
});

test("a message keeps its key when it leaves the outbox, so that its row is not built anew", () => {
  const pending = { id: "m9", text: "b", at: 0, state: "stored" as const, code: null };
  const before = rowsOf({ items: [message(1, "a")], pending: [pending], run: null });
  const after = rowsOf({ items: [message(1, "a"), message(9, "b")], pending: [], run: null });
  expect(before.map((row) => row.key)).toEqual(after.map((row) => row.key));
});

test("a stretch of steps opens and closes once", () => {
  const rows = rowsOf({
    items: [message(1, "a"), step(2, ""), step(3, ""), notice(4, "stopped")],
    pending: [],
    run: null,
  });
  expect(
    rows.map((row) => row.type === "item" && row.item.kind === "step" && [row.opens, row.closes]),
  ).toEqual([false, [true, false], [false, true], false]);
});

test("R14: the last word may be gone on with if it is half an answer and nothing runs", () => {
  const half = step(2, "Once upon a", { incomplete: "interrupted" });
  const goesOn = (items: Parameters<typeof rowsOf>[0]["items"], active = run("finished")) =>
    rowsOf({ items, pending: [], run: active }).flatMap((row) =>
      row.type === "item" && row.goesOn ? [row.key] : [],
    );
  expect(goesOn([message(1, "a"), half])).toEqual([half.id]);
  expect(goesOn([message(1, "a"), half, notice(3, "model_error")], run("failed"))).toEqual([half.id]);
  expect(goesOn([message(1, "a"), half], run("running"))).toEqual([]);
  expect(goesOn([message(1, "a"), half, message(3, "go on")])).toEqual([]);
  expect(goesOn([message(1, "a"), step(2, "", { incomplete: "length_before_answer" })])).toEqual([]);
  expect(goesOn([message(1, "a"), step(2, "whole")])).toEqual([]);
});

test("the streaming row and rows that ask something stay mounted", () => {
  const rows = rowsOf({
    items: [
      message(1, "a"),
      step(2, "", { calls: [call("c", "notes", {}, { status: "in_doubt" })] }),
      step(3, ""),
      step(4, "", { status: "streaming" }),
    ],
    pending: [],
    run: run("running"),
  });
  expect(rowsToKeep(rows)).toEqual([1, 3]);
});

test("the state of a run that says most comes first", () => {
  expect(runState({ run: null, stopping: false })).toBe("none");
  expect(runState({ run: run("finished"), stopping: true })).toBe("none");
  expect(runState({ run: run("running", { retry_at: 5 }), stopping: false })).toBe("retrying");
  expect(runState({ run: run("running", { retry_at: 5 }), stopping: true })).toBe("stopping");
  expect(runState({ run: run("waiting", { stopping: true }), stopping: false })).toBe("stopping");
  expect(runState({ run: run("recovering"), stopping: false })).toBe("recovering");
});

describe("arguments as the model wrote them", () => {
  test("an object is pretty, and its only value is the summary", () => {
    const read = readArguments('{"city":"东京"}');
    expect(read).toEqual({ text: '{\n  "city": "东京"\n}', malformed: false, empty: false, summary: "东京" });
  });

  test("what is not JSON is shown raw", () => {
    expect(readArguments('{"a": ')).toEqual({
      text: '{"a": ',
      malformed: true,
      empty: false,
      summary: '{"a":',
    });
  });

  test("none at all, and things that are no object, do no harm", () => {
    expect(readArguments("").empty).toBe(true);
    expect(readArguments("{}").empty).toBe(true);
    expect(readArguments("null").malformed).toBe(false);
    expect(readArguments("[1,2]").summary).toBe("[1,2]");
  });
});

test("W8: whoever allows a call sees all of what it would be given", () => {
  expect(exactArguments('{"to": "\\u738b", "amount": 12}')).toBe('{\n  "to": "王",\n  "amount": 12\n}');
  for (const hidden of [
    '{"amount": 1, "amount": 1000}',
    '{"account": 12345678901234567890}',
    '{"amount": 1e400}',
    '{"2": "b", "1": "a"}',
    '{"x": ',
  ])
    expect(exactArguments(hidden)).toBe(hidden);
});

test("names of unknown tools are made readable", () => {
  expect(humanise("list_open-orders")).toBe("List open orders");
  expect(humanise("getTime")).toBe("Get time");
  expect(humanise("___")).toBe("___");
});

describe("branches", () => {
  const branches = {
    shown: "b",
    path: [
      { branch: "", below: 3 },
      { branch: "b", below: null },
    ],
    forks: [{ before: 3, ways: ["", "b"], at: 1 }],
    all: [{ id: "b", parent: "", before: 3, shown_at: 9 }],
    main_shown_at: 0,
  };
  const rows = (items: Parameters<typeof rowsOf>[0]["items"], more: object = {}) =>
    rowsOf({ items, pending: [], run: null, branches, ...more });
  const forked = (found: ReturnType<typeof rowsOf>) =>
    found.flatMap((row) => ("fork" in row && row.fork !== null ? [row.key] : []));

  test("a fork is told at the first row behind it, and under the last one while nothing stands behind it", () => {
    expect(forked(rows([message(2, "q"), step(9, "")]))).toEqual(["r.9"]);
    expect(forked(rows([message(2, "q")]))).toEqual(["branches"]);
  });

  test("not at the first of what is loaded, if the fork may lie above it", () => {
    expect(forked(rows([step(60, "")], { older: "more" }))).toEqual([]);
    expect(forked(rows([step(60, "")], { older: "none" }))).toEqual(["r.60"]);
  });

  test("the last row says where an answer is being made, if that is elsewhere", () => {
    const last = (more: object) => rows([message(2, "q")], more).at(-1);
    expect(last({ run: run("running") })).toMatchObject({ type: "branches", running: "" });
    expect(last({ run: run("running", { branch: "b" }) })).toMatchObject({ running: null });
    expect(rowsOf({ items: [message(2, "q")], pending: [], run: null }).at(-1)?.type).toBe("item");
  });

  test("R6 what no request of its branch has had waits, whatever runs elsewhere", () => {
    const items = [message(2, "q"), { ...message(12, "later"), branch: "b" }];
    const waits = (seen: object) =>
      rows(items, { run: run("running"), seen: { seen } }).flatMap((row) =>
        row.type === "item" && row.waits ? [row.key] : [],
      );
    expect(waits({ "": 4, b: 9 })).toEqual(["m12"]);
    expect(waits({ "": 4, b: 12 })).toEqual([]);
  });
});
