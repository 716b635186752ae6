import { expect, test } from "vitest";
import { isBlank } from "./text";

// The server judges alike: tests/agents/test_borders.py has the same two lists.
const BLANK = [
  "",
  " \n\t",
  "\u200b",
  "\u2060\ufeff\u00ad",
  "\u3164 \u2800",
  "\ufe0f",
  "\u202e",
  "\u115f\u1160\uffa0",
  "\u{e0101}",
];
const SEEN = ["a", ".", "\u200b.", "茶", "👍🏽", "👨\u200d👩\u200d👧", "\u0301", "❤\ufe0f", "\ue000"];

test("what nobody would see is blank", () => {
  expect(BLANK.filter((one) => !isBlank(one))).toEqual([]);
  expect(SEEN.filter(isBlank)).toEqual([]);
});
