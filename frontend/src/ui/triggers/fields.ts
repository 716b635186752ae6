// What the form of a trigger holds, and the draft that it comes to. Pure.
import type { RunEnd, TriggerDraft, TriggerEntry, TriggerKind, TriggerMatch } from "../../sync";
import { inUnits, type Unit, unitSeconds } from "../schedules/when";

/** Each as its field of the page holds it. `place`: `new` or the id of a conversation. */
export interface Fields {
  name: string;
  kind: TriggerKind;
  prompt: string;
  agent: string;
  place: string;
  cooldown: string;
  perHour: string;
  most: string;
  until: string;
  path: string;
  match: TriggerMatch;
  pattern: string;
  sender: string;
  secret: string;
  /** Take unsigned deliveries: what was stored is forgotten. */
  unsigned: boolean;
  signatureHeader: string;
  deliveryHeader: string;
  url: string;
  every: string;
  unit: Unit;
  watched: readonly string[];
  speaker: TriggerDraft["speaker"];
  outcomes: readonly RunEnd[];
  afterAgent: string;
  afterTrigger: string;
  afterSchedule: string;
}

/** Never kept by the page. */
export const SECRET = ["secret"] as const;

const MINUTE_MS = 60_000;

/** What a `datetime-local` field shows for a moment, by the clock of this browser. */
function localTime(at: number): string {
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * MINUTE_MS);
  return shifted.toISOString().slice(0, 16);
}

export function emptyFields(agent: string): Fields {
  return {
    name: "",
    kind: "webhook",
    prompt: "",
    agent,
    place: "new",
    cooldown: "0",
    perHour: "30",
    most: "",
    until: "",
    path: "",
    match: "any",
    pattern: "",
    sender: "hmac",
    secret: "",
    unsigned: false,
    signatureHeader: "X-Hub-Signature-256",
    deliveryHeader: "",
    url: "",
    every: "5",
    unit: "minutes",
    watched: [],
    speaker: "person",
    outcomes: ["finished"],
    afterAgent: "",
    afterTrigger: "",
    afterSchedule: "",
  };
}

export function fieldsOf(entry: TriggerEntry): Fields {
  const [every, unit] = inUnits(entry.interval_s);
  return {
    name: entry.name,
    kind: entry.kind,
    prompt: entry.prompt,
    agent: entry.agent,
    place: entry.conversation ?? "new",
    cooldown: String(entry.cooldown_s),
    perHour: String(entry.per_hour),
    most: entry.max_fires === null ? "" : String(entry.max_fires),
    until: entry.expires_at === null ? "" : localTime(entry.expires_at),
    path: entry.path,
    match: entry.match,
    pattern: entry.pattern,
    sender: entry.sender || "hmac",
    secret: "",
    unsigned: false,
    signatureHeader: entry.signature_header,
    deliveryHeader: entry.delivery_header,
    url: entry.url,
    every: String(every),
    unit,
    watched: entry.watched,
    speaker: entry.speaker,
    outcomes: entry.outcomes,
    afterAgent: entry.after_agent,
    afterTrigger: entry.after_trigger ?? "",
    afterSchedule: entry.after_schedule ?? "",
  };
}

/** A whole number; what is none becomes one that the server refuses at this field. */
function whole(text: string): number {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? Math.round(value) : 0;
}

/** What a form comes to. Fields that the kind does not have stay as they are. */
export function draftOf(fields: Fields): Partial<TriggerDraft> {
  const { kind } = fields;
  const looks = kind === "webhook" || kind === "poll";
  return {
    name: fields.name.trim(),
    kind,
    prompt: fields.prompt,
    agent: fields.agent,
    conversation: fields.place === "new" ? null : fields.place,
    cooldown_s: whole(fields.cooldown),
    per_hour: whole(fields.perHour),
    max_fires: fields.most.trim() === "" ? null : whole(fields.most),
    expires_at: fields.until === "" ? null : new Date(fields.until).getTime(),
    path: looks ? fields.path.trim() : "",
    match: kind === "run" ? "any" : fields.match,
    pattern: kind === "run" || fields.match === "any" ? "" : fields.pattern,
    ...(kind === "webhook" ? hookOf(fields) : {}),
    ...(kind === "poll"
      ? { url: fields.url.trim(), interval_s: whole(fields.every) * unitSeconds[fields.unit] }
      : {}),
    ...(kind === "message" || kind === "run" ? { watched: fields.watched } : {}),
    ...(kind === "message" ? { speaker: fields.speaker } : {}),
    ...(kind === "run" ? afterOf(fields) : {}),
  };
}

function hookOf(fields: Fields): Partial<TriggerDraft> {
  return {
    sender: fields.sender,
    signature_header: fields.signatureHeader.trim(),
    delivery_header: fields.deliveryHeader.trim(),
    // Left empty, what is stored stays.
    ...(fields.secret !== "" ? { secret: fields.secret } : fields.unsigned ? { secret: "" } : {}),
  };
}

function afterOf(fields: Fields): Partial<TriggerDraft> {
  return {
    outcomes: fields.outcomes,
    after_agent: fields.afterAgent,
    after_trigger: fields.afterTrigger || null,
    after_schedule: fields.afterSchedule || null,
  };
}

/** What has to be sent to make `before` into `after`: only what differs. */
export function changesOf(before: Fields, after: Fields): Partial<TriggerDraft> {
  const [was, is] = [draftOf(before), draftOf(after)];
  const changed = Object.entries(is).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name as keyof TriggerDraft]),
  );
  return Object.fromEntries(changed) as Partial<TriggerDraft>;
}
