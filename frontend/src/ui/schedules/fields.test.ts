import { describe, expect, test } from "vitest";
import { schedule } from "../gallery/schedules";
import { wordsOf } from "../i18n";
import { fromCron, toCron } from "./cron";
import { changesOf, draftOf, emptyFields, fieldsOf } from "./fields";
import { inUnits, moment, timing, wallTime, zones } from "./when";

describe("cron expressions that people choose", () => {
  test.each([
    ["0 9 * * *", "daily"],
    ["5 * * * *", "hourly"],
    ["30 6 * * 1-5", "weekdays"],
    ["30 6 * * MON-FRI", "weekdays"],
    ["0 18 * * 0", "weekly"],
    ["0 18 * * 7", "weekly"],
    ["0 8 31 * *", "monthly"],
  ])("%s is %s, and is written again as it was", (cron, repeat) => {
    const pattern = fromCron(cron);
    expect(pattern.repeat).toBe(repeat);
    expect(fromCron(toCron(pattern))).toEqual({ ...pattern, custom: toCron(pattern) });
  });

  test.each([
    "*/5 * * * *",
    "0 9 1 * 1",
    "0 9 * 2 *",
    "0 9,18 * * *",
    "0 25 * * *",
    "60 1 * * *",
    "",
    "0 * 3 * *",
  ])("%s is written by hand and stays as it is", (cron) => {
    expect(fromCron(cron).repeat).toBe("custom");
    expect(toCron(fromCron(cron))).toBe(cron);
  });
});

describe("what a form sends", () => {
  test("a new one: everything, in the words of the API", () => {
    const fields = { ...emptyFields("demo"), prompt: "Hello", zone: "UTC", to: "email a b@example.com" };
    expect(draftOf(fields)).toEqual({
      name: "",
      prompt: "Hello",
      agent: "demo",
      kind: "cron",
      zone: "UTC",
      cron: "0 9 * * *",
      ends_at: null,
      missed: "once",
      place: "new",
      conversation: null,
      delivery: { kind: "email", address: "a b@example.com" },
    });
  });

  test("a change: only what differs, and times only if one of them does", () => {
    const once = fieldsOf(schedule({ kind: "once", at: Date.UTC(2020, 0, 1, 12), cron: "" }));
    expect(once.at).toBe("2020-01-01T13:00");
    expect(changesOf(once, { ...once, name: "Other" })).toEqual({ name: "Other" });
    expect(changesOf(once, { ...once, at: "2037-01-01T13:00" })).toEqual({
      kind: "once",
      zone: "Europe/Berlin",
      at: "2037-01-01T13:00",
    });
    expect(changesOf(once, once)).toEqual({});
  });

  test("where it goes", () => {
    const entry = schedule({ place: "same", conversation: "c-1" });
    expect(fieldsOf(entry).place).toBe("c-1");
    expect(fieldsOf({ ...entry, conversation: null }).place).toBe("own");
    const own = changesOf(fieldsOf(entry), { ...fieldsOf(entry), place: "own" });
    expect(own).toEqual({ conversation: null });
  });
});

describe("times for people", () => {
  test("by the clock of the schedule's zone, whatever the browser's is", () => {
    const at = Date.UTC(2026, 9, 25, 0, 30);
    expect(wallTime(at, "Europe/Berlin")).toBe("2026-10-25T02:30");
    expect(wallTime(at, "Asia/Shanghai")).toBe("2026-10-25T08:30");
    expect(moment(at, "Asia/Shanghai", wordsOf("en"), true)).toContain("08:30");
    expect(moment(at, "Not/Known", wordsOf("en"))).toContain("00:30");
    expect(zones()).toContain("UTC");
  });

  test("when it is due, in both languages", () => {
    const [en, zh] = [wordsOf("en"), wordsOf("zh")];
    expect(timing(schedule(), en)).toBe("Every day at 09:00");
    expect(timing(schedule({ cron: "30 6 * * 1" }), en)).toBe("Every Monday at 06:30");
    expect(timing(schedule({ cron: "30 6 * * 1" }), zh)).toBe("每星期一 06:30");
    expect(timing(schedule({ cron: "15 * * * *" }), en)).toBe("Every hour at minute 15");
    expect(timing(schedule({ cron: "*/5 1 * * *" }), en)).toBe("*/5 1 * * *");
    expect(timing(schedule({ kind: "interval", every_s: 7200 }), en)).toBe("Every 2 h");
    expect(inUnits(90)).toEqual([2, "minutes"]);
  });
});
