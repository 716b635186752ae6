// What the form holds, and the draft that it comes to. Pure.
import type { MissedPolicy, ScheduleDraft, ScheduleEntry, ScheduleKind } from "../../sync";
import { FIRST, fromCron, type Pattern, toCron } from "./cron";
import { inUnits, localZone, type Unit, unitSeconds, wallTime } from "./when";

/** Each as its field of the page holds it. `place`: `new`, `own`, or the id of a conversation. `to`: `kind address`. */
export interface Fields {
  name: string;
  prompt: string;
  agent: string;
  kind: ScheduleKind;
  pattern: Pattern;
  zone: string;
  every: string;
  unit: Unit;
  at: string;
  ends: string;
  missed: MissedPolicy;
  most: string;
  place: string;
  to: string;
}

/** An empty form; `conversation`: the one that it is opened from, which is offered first. */
export function emptyFields(agent: string): Fields {
  return {
    name: "",
    prompt: "",
    agent,
    kind: "cron",
    pattern: FIRST,
    zone: localZone(),
    every: "1",
    unit: "days",
    at: "",
    ends: "",
    missed: "once",
    most: "10",
    place: "new",
    to: "",
  };
}

export function fieldsOf(entry: ScheduleEntry): Fields {
  const [every, unit] = entry.every_s > 0 ? inUnits(entry.every_s) : ([1, "days"] as const);
  const wall = (at: string | number | null) =>
    typeof at === "number" ? wallTime(at, entry.zone) : (at ?? "");
  return {
    name: entry.name,
    prompt: entry.prompt,
    agent: entry.agent,
    kind: entry.kind,
    pattern: entry.kind === "cron" ? fromCron(entry.cron) : FIRST,
    zone: entry.zone,
    every: String(every),
    unit,
    at: wall(entry.at),
    ends: wall(entry.ends_at),
    missed: entry.missed,
    most: String(entry.most),
    place: entry.place === "new" ? "new" : (entry.conversation ?? "own"),
    to: entry.delivery ? `${entry.delivery.kind} ${entry.delivery.address}` : "",
  };
}

/** The times of a draft, for a look ahead. */
export function timesOf(fields: Fields): Partial<ScheduleDraft> {
  const { kind, zone } = fields;
  const ends_at = fields.ends || null;
  if (kind === "cron") return { kind, zone, cron: toCron(fields.pattern), ends_at };
  if (kind === "once") return { kind, zone, at: fields.at || null };
  const every_s = Math.round(Number(fields.every) * unitSeconds[fields.unit]) || 0;
  return { kind, zone, every_s, at: fields.at || null, ends_at };
}

export function draftOf(fields: Fields): Partial<ScheduleDraft> {
  const [kind = "", address = ""] = fields.to.split(/ (.*)/s);
  const most = Math.round(Number(fields.most));
  return {
    name: fields.name.trim(),
    prompt: fields.prompt,
    agent: fields.agent,
    ...timesOf(fields),
    missed: fields.missed,
    ...(fields.missed === "all" ? { most } : {}),
    place: fields.place === "new" ? "new" : "same",
    conversation: fields.place === "new" || fields.place === "own" ? null : fields.place,
    delivery: kind ? { kind, address } : null,
  };
}

/** The fields of a draft that say when it is due. */
export const TIMES = ["kind", "zone", "cron", "every_s", "at", "ends_at"] as const;

/**
 * What has to be sent to make `before` into `after`: only what differs. If the times differ, all of them are sent, because
 * what they mean depends on each other; if not, none, because a time in the past is none that may be asked for.
 */
export function changesOf(before: Fields, after: Fields): Partial<ScheduleDraft> {
  const [was, is] = [draftOf(before), draftOf(after)];
  const same = (key: keyof ScheduleDraft) => JSON.stringify(was[key]) === JSON.stringify(is[key]);
  const moved = TIMES.some((key) => !same(key));
  const changed = Object.entries(is).filter(([name]) => {
    const key = name as keyof ScheduleDraft;
    return (TIMES as readonly string[]).includes(name) ? moved : !same(key);
  });
  return Object.fromEntries(changed) as Partial<ScheduleDraft>;
}
