// The cron expressions that people can choose without knowing cron. Anything else is `custom`.

export const REPEATS = ["hourly", "daily", "weekdays", "weekly", "monthly", "custom"] as const;
export type Repeat = (typeof REPEATS)[number];

/** `time` is `HH:MM`, `weekday` 0 (Sunday) to 6, `day` of the month 1 to 31. */
export interface Pattern {
  repeat: Repeat;
  time: string;
  weekday: number;
  day: number;
  custom: string;
}

export const FIRST: Pattern = { repeat: "daily", time: "09:00", weekday: 1, day: 1, custom: "0 9 * * *" };

export function toCron(pattern: Pattern): string {
  const [hour = 0, minute = 0] = pattern.time.split(":").map(Number);
  switch (pattern.repeat) {
    case "hourly":
      return `${minute} * * * *`;
    case "daily":
      return `${minute} ${hour} * * *`;
    case "weekdays":
      return `${minute} ${hour} * * 1-5`;
    case "weekly":
      return `${minute} ${hour} * * ${pattern.weekday}`;
    case "monthly":
      return `${minute} ${hour} ${pattern.day} * *`;
    case "custom":
      return pattern.custom;
  }
}

const SHAPE = /^(\d{1,2}) (\d{1,2}|\*) (\d{1,2}|\*) \* (1-5|MON-FRI|[0-7]|\*)$/i;

/** The pattern of an expression; `custom` if it is none that can be chosen. */
export function fromCron(cron: string): Pattern {
  const custom: Pattern = { ...FIRST, repeat: "custom", custom: cron };
  const found = SHAPE.exec(cron.trim().replace(/\s+/g, " "));
  if (found === null) return custom;
  const [minute = "", hour = "", day = "", week = ""] = found.slice(1);
  if (Number(minute) > 59 || (hour !== "*" && Number(hour) > 23)) return custom;
  const time = `${hour === "*" ? "00" : hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  const chosen: Pattern = { ...custom, time };
  if (hour === "*") return day === "*" && week === "*" ? { ...chosen, repeat: "hourly" } : custom;
  if (day !== "*") return week === "*" ? { ...chosen, repeat: "monthly", day: Number(day) } : custom;
  if (week === "*") return { ...chosen, repeat: "daily" };
  if (/^(1-5|mon-fri)$/i.test(week)) return { ...chosen, repeat: "weekdays" };
  return { ...chosen, repeat: "weekly", weekday: Number(week) % 7 };
}
