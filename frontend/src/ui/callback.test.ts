import { expect, test } from "vitest";
import { callsOf, tabTitle } from "./callback";
import { listed as entry } from "./gallery/fake";
import { isUnread } from "./unread";

test("one is called back for an answer, a failure and a question, once each", () => {
  const before = [
    entry("a", "running"),
    entry("b", "recovering"),
    entry("c", "running"),
    entry("d", "finished"),
  ];
  const after = [entry("a", "finished"), entry("b", "failed"), entry("c", "waiting"), entry("d", "finished")];
  expect(callsOf(before, after).map(({ id, what }) => [id, what])).toEqual([
    ["a", "finished"],
    ["b", "failed"],
    ["c", "waiting"],
  ]);
  expect(callsOf(after, after)).toEqual([]);
});

test("not for what one stopped oneself, nor for what the list did not have before", () => {
  expect(callsOf([entry("a", "running")], [entry("a", "stopped"), entry("new", "finished")])).toEqual([]);
});

test("the title of the tab tells what waits, what is at work, and whose it is", () => {
  expect(tabTitle("Tea", 0, "finished", "Holdfast")).toBe("Tea · Holdfast");
  expect(tabTitle("Tea", 2, "running", "Holdfast")).toBe("(2) … Tea · Holdfast");
  expect(tabTitle("Tea", 0, "waiting", "Holdfast")).toBe("❗ Tea · Holdfast");
  expect(tabTitle("", 0, null, "Holdfast")).toBe("Holdfast");
});

test("new is what has ended or asks since it was looked at; not what is at work or was there at the first visit", () => {
  const seen = { since: 5, at: { b: 10 } };
  expect(isUnread(entry("a", "finished"), seen)).toBe(true);
  expect(isUnread(entry("a", "waiting"), seen)).toBe(true);
  expect(isUnread(entry("a", "running"), seen)).toBe(false);
  expect(isUnread(entry("b", "finished"), seen)).toBe(false);
  expect(isUnread(entry("b", "finished", 11), seen)).toBe(true);
  expect(isUnread(entry("c", "finished", 5), seen)).toBe(false);
  expect(isUnread(entry("d", null), seen)).toBe(false);
});
