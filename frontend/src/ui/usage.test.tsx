import { cleanup, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { FakeClient, NO_USAGE, run, step } from "./gallery/fake";
import { dictionaries, wordsOf } from "./i18n";
import { stateText } from "./RunStatus";
import { StepRow } from "./rows/StepRow";
import { show } from "./testing";
import { usageLines } from "./usage";

afterEach(cleanup);

const USED = { input: 4211, output: 530, cached: 3100, cost: 18_650_000 };

test("usage in both languages; nothing is said of what nobody counted", () => {
  expect(usageLines(USED, wordsOf("en"))).toEqual([
    "4,211 tokens in, 530 out",
    "3,100 of them from the cache",
    "about $0.0187",
  ]);
  expect(usageLines(USED, wordsOf("zh")).join(" ")).toContain("3,100 个来自缓存");
  expect(usageLines({ ...USED, cached: 0, cost: null }, wordsOf("en"))).toHaveLength(1);
  expect(usageLines(NO_USAGE, wordsOf("en"))).toEqual([]);
  expect(usageLines(undefined, wordsOf("en"))).toEqual([]);
});

test("a cost that is too small to write is not written as nothing", () => {
  const { money } = wordsOf("en");
  expect([money(1), money(99_999), money(0), money(1_500_000_000)]).toEqual([
    "<$0.0001",
    "<$0.0001",
    "$0.00",
    "$1.50",
  ]);
});

test("an answer tells its tokens quietly", () => {
  show(
    <StepRow
      conversation="c"
      agent="demo"
      item={step(2, "Hi", { usage: USED, model: "spare" })}
      opens
      closes
      goesOn={false}
    />,
    new FakeClient(),
  );
  expect(screen.getByTestId("step-usage").textContent).toContain("4,211 tokens in");
});

test("a retry says why and when, to the second", () => {
  const busy = run("running", { code: "model_busy", retry_at: 14_000 });
  expect(stateText(busy, "retrying", 10_000, wordsOf("en"))).toBe("The model is busy. Trying again in 4s");
  expect(stateText(busy, "retrying", 10_000, wordsOf("zh"))).toContain("4");
  expect(stateText(busy, "retrying", 13_500, wordsOf("en"))).toBe("The model is busy. Trying again now");
});

test("every way for a model to fail has a sentence in every language", () => {
  const codes = ["unreachable", "auth", "quota", "unknown", "busy", "rejected", "error"] as const;
  for (const dictionary of Object.values(dictionaries))
    for (const code of codes) expect(dictionary[`code.model_${code}`].length).toBeGreaterThan(3);
});
