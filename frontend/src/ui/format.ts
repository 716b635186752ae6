import type { Language } from "./i18n/language";

const locales: Record<Language, string> = { en: "en", zh: "zh-CN" };
const MINUTE = 60_000;
const DAY = 86_400_000;

/** Milliseconds since local midnight of the day that `at` (ms) lies in. */
function midnight(at: number): number {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** How many local days lie between two times (ms); 0: the same day, 1: `at` was yesterday. */
export function daysAgo(at: number, now: number): number {
  return Math.round((midnight(now) - midnight(at)) / DAY);
}

/** A length of time (ms) for people: `7s`, `1m 05s`, `2h 04m`; with tenths under ten seconds when `exact`. */
export function duration(ms: number, language: Language, exact = false): string {
  const unit = (value: number, name: string, digits = 0) =>
    new Intl.NumberFormat(locales[language], {
      style: "unit",
      unit: name,
      unitDisplay: "narrow",
      maximumFractionDigits: digits,
    }).format(value);
  const safe = Math.max(0, ms);
  if (exact && safe > 0 && safe < 50) return `<${unit(0.1, "second", 1)}`;
  if (exact && safe < 9_950) return unit(safe / 1000, "second", 1);
  const seconds = Math.floor(safe / 1000);
  if (seconds < 60) return unit(seconds, "second");
  const gap = language === "zh" ? "" : " ";
  if (seconds < 3600) return unit(Math.floor(seconds / 60), "minute") + gap + unit(seconds % 60, "second");
  return unit(Math.floor(seconds / 3600), "hour") + gap + unit(Math.floor((seconds % 3600) / 60), "minute");
}

/** When something was (ms), as short as a list row wants it: `now`, `5 min ago`, `14:05`, `Wed`, `12 Mar`.
 * The list has headings for today and yesterday, so the time alone is clear. */
export function shortDate(at: number, now: number, language: Language): string {
  const locale = locales[language];
  const days = daysAgo(at, now);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "narrow" });
  if (now - at < MINUTE) return relative.format(0, "second");
  if (now - at < 60 * MINUTE) return relative.format(-Math.floor((now - at) / MINUTE), "minute");
  if (days <= 1) return clock(at, language);
  if (days < 7) return new Intl.DateTimeFormat(locale, { weekday: "short" }).format(at);
  const year = new Date(at).getFullYear() === new Date(now).getFullYear() ? {} : { year: "numeric" as const };
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", ...year }).format(at);
}

/** The time of day: `14:05`. */
export function clock(at: number, language: Language): string {
  return new Intl.DateTimeFormat(locales[language], { hour: "numeric", minute: "2-digit" }).format(at);
}

/** Date and time in full, for tooltips. */
export function fullDate(at: number, language: Language): string {
  return new Intl.DateTimeFormat(locales[language], { dateStyle: "full", timeStyle: "medium" }).format(at);
}

export function count(value: number, language: Language): string {
  return new Intl.NumberFormat(locales[language]).format(value);
}

/** A size for people: "812 B", "34 kB", "1.2 MB". */
export function fileSize(bytes: number, language: Language): string {
  const [value, unit] =
    bytes < 1000 ? [bytes, "B"] : bytes < 1_000_000 ? [bytes / 1000, "kB"] : [bytes / 1e6, "MB"];
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)} ${unit}`;
}

/** A cost (billionths of a US dollar): `$0.0123`, `$1.50`; what is too small to write is `<$0.0001`. */
export function money(value: number, language: Language): string {
  const format = (dollars: number) =>
    new Intl.NumberFormat(locales[language], {
      style: "currency",
      currency: "USD",
      minimumFractionDigits: 2,
      maximumFractionDigits: dollars < 1 ? 4 : 2,
    }).format(dollars);
  return value > 0 && value < 100_000 ? `<${format(0.0001)}` : format(value / 1e9);
}
