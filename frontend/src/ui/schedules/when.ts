// Times of schedules for people: always by the clock of the schedule's own zone.
import type { ScheduleEntry } from "../../sync";
import type { Words } from "../i18n";
import { fromCron } from "./cron";

const locales = { en: "en", zh: "zh-CN" } as const;

/** The zone of this browser, UTC if it does not say. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** All zones that this browser knows, UTC among them. */
export function zones(): readonly string[] {
  const known = Intl.supportedValuesOf?.("timeZone") ?? [];
  return known.includes("UTC") ? known : ["UTC", ...known];
}

function format(at: number, zone: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }).format(at);
  } catch {
    // A zone that the server knows and this browser does not.
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC", timeZoneName: "short" }).format(at);
  }
}

/** `Thu, 26 Nov, 09:00`; with the year if it is not this one, and with the offset when `exact`. */
export function moment(at: number, zone: string, words: Words, exact = false): string {
  const sameYear = new Date(at).getFullYear() === new Date().getFullYear();
  return format(at, zone, locales[words.language], {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(sameYear ? {} : { year: "numeric" }),
    ...(exact ? { timeZoneName: "shortOffset" } : {}),
  });
}

/** What a `datetime-local` field shows for a moment: the clock of the zone, `2026-11-26T09:00`. */
export function wallTime(at: number, zone: string): string {
  const shown = format(at, zone, "sv", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  return shown.slice(0, 16).replace(" ", "T");
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
] as const;
export type Unit = (typeof UNITS)[number][0];
export const unitSeconds: Readonly<Record<Unit, number>> = { days: 86_400, hours: 3600, minutes: 60 };

/** An interval as number and unit: 7200 s are 2 hours. */
export function inUnits(seconds: number): [number, Unit] {
  for (const [unit, size] of UNITS)
    if (seconds % size === 0 && seconds >= size) return [seconds / size, unit];
  return [Math.max(1, Math.round(seconds / 60)), "minutes"];
}

/** When a schedule is due, in a few words. */
export function timing(entry: ScheduleEntry, words: Words): string {
  if (entry.kind === "once") {
    return words.t("schedule.on", {
      time: typeof entry.at === "number" ? moment(entry.at, entry.zone, words) : "",
    });
  }
  if (entry.kind === "interval") {
    const [n, unit] = inUnits(entry.every_s);
    return words.t(`schedule.every_${unit}`, { n });
  }
  const pattern = fromCron(entry.cron);
  if (pattern.repeat === "custom") return entry.cron;
  return words.t(`schedule.told_${pattern.repeat}`, {
    time: pattern.repeat === "hourly" ? pattern.time.slice(3) : pattern.time,
    weekday: weekday(pattern.weekday, words),
    day: pattern.day,
  });
}

/** The name of a day of the week, 0 being Sunday. */
export function weekday(day: number, words: Words): string {
  // 2023-01-01 was a Sunday.
  return format(Date.UTC(2023, 0, 1 + day, 12), "UTC", locales[words.language], { weekday: "long" });
}
