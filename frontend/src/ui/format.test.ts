import { expect, test } from "vitest";
import { daysAgo, duration, shortDate } from "./format";

const noon = new Date(2026, 10, 22, 12, 0, 0).getTime();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("lengths of time are short and never negative", () => {
  expect(duration(-5, "en")).toBe("0s");
  expect(duration(7400, "en")).toBe("7s");
  expect(duration(7430, "en", true)).toBe("7.4s");
  expect(duration(12, "en", true)).toBe("<0.1s");
  expect(duration(65_000, "en")).toBe("1m 5s");
  expect(duration(2 * HOUR + 4 * MINUTE, "en")).toBe("2h 4m");
  expect(duration(65_000, "zh")).toBe("1分钟5秒");
});

test("dates in the list get coarser with age", () => {
  expect(shortDate(noon - 10_000, noon, "en")).toBe("now");
  expect(shortDate(noon - 5 * MINUTE, noon, "en")).toBe("5m ago");
  expect(shortDate(noon - 3 * HOUR, noon, "en")).toMatch(/^9:00/);
  expect(shortDate(noon - 13 * HOUR, noon, "en")).toMatch(/^11:00/);
  expect(shortDate(noon - 3 * 24 * HOUR, noon, "en")).toBe("Thu");
  expect(shortDate(noon - 3 * 24 * HOUR, noon, "zh")).toBe("周四");
  expect(shortDate(noon - 20 * 24 * HOUR, noon, "en")).toBe("Nov 2");
  expect(shortDate(noon - 400 * 24 * HOUR, noon, "en")).toBe("Oct 18, 2025");
});

test("a day is a calendar day, not twenty-four hours", () => {
  expect(daysAgo(noon - 13 * HOUR, noon)).toBe(1);
  expect(daysAgo(noon - 11 * HOUR, noon)).toBe(0);
});
