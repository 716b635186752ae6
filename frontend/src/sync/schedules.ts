// Schedules over HTTP (chat/entrances/schedules/api.py). Moments are milliseconds since the Unix epoch.
import type { Http } from "./http";
import type { FieldProblems } from "./problem";
import type { ResultCode } from "./protocol.gen";

export type ScheduleKind = "cron" | "interval" | "once";
export type MissedPolicy = "skip" | "once" | "all";

/** Where results go. */
export interface Delivery {
  kind: string;
  address: string;
}

/** What somebody wants. A moment is a time as the clock of `zone` shows it (`2026-11-26T09:00`), or milliseconds. */
export interface ScheduleDraft {
  name: string;
  prompt: string;
  /** A slug; "" is the default agent. */
  agent: string;
  kind: ScheduleKind;
  cron: string;
  /** Of the IANA list. */
  zone: string;
  every_s: number;
  at: string | number | null;
  ends_at: string | number | null;
  missed: MissedPolicy;
  /** With `missed: "all"`: at most so many. */
  most: number;
  /** `same` without a conversation: one of its own is made. */
  place: "new" | "same";
  conversation: string | null;
  delivery: Delivery | null;
}

export interface PassedOver {
  why: "late" | "busy" | "merged" | "capped";
  count: number;
  /** There were more than were counted. */
  more: boolean;
  from: number;
  /** With `capped`: how many are made up for. */
  most: number;
}

/** One due time, and what became of it. */
export interface ScheduleRun {
  id: string;
  due: number;
  /** Asked for by a person, besides its times. */
  manual: boolean;
  state: "received" | "fired" | "over" | "failed" | "skipped";
  /** Once it is over. `unread`: nobody has read it, because the run before it was stopped. Of `failed`: why. */
  outcome: "" | "finished" | "failed" | "stopped" | "unread" | "internal" | "disabled" | ResultCode;
  /** The beginning of the answer, or why there is none. */
  detail: string;
  /** Of what was passed over: how many due times, from when on, and why. null: nothing was, or it is not known. */
  passed: PassedOver | null;
  /** null: not begun yet, or the conversation was deleted. */
  conversation: string | null;
  run: string;
  delivery: { state: "pending" | "sent" | "dead"; error: string } | null;
  /** Its conversation is a chat elsewhere, and why the answer could not be put there; "" if it could. */
  undelivered: string;
}

export interface ScheduleEntry extends ScheduleDraft {
  id: string;
  state: "active" | "paused" | "ended";
  /** Why it was paused by itself. */
  problem: "" | "internal" | ResultCode;
  /** Its next times, at most five. */
  next: readonly number[];
  last: ScheduleRun | null;
  made_by_agent: boolean;
  created_at: number;
}

export interface ScheduleList {
  schedules: readonly ScheduleEntry[];
  /** How many one person may have, and the shortest distance of two due times in seconds. */
  most: number;
  least_s: number;
  destinations: readonly (Delivery & { label: string })[];
  now: number;
}

export interface ScheduleHistory {
  /** Newest first. */
  firings: readonly ScheduleRun[];
  more: boolean;
}

/** All of these reject with `HttpError`; `problem.fields` says what is wrong with a draft. */
export interface Schedules {
  list(): Promise<ScheduleList>;
  /** `id` is made by `newId`, once per form, so that sending the form twice makes one schedule. */
  create(id: string, draft: Partial<ScheduleDraft>): Promise<ScheduleEntry>;
  change(
    id: string,
    changes: Partial<ScheduleDraft> & { state?: "active" | "paused" },
  ): Promise<ScheduleEntry>;
  remove(id: string): Promise<void>;
  runNow(id: string): Promise<ScheduleRun>;
  /** `before`: the `due` of the last one that was seen. */
  history(id: string, before?: number): Promise<ScheduleHistory>;
  /** The next times of a draft, and what is wrong with its times. */
  preview(draft: Partial<ScheduleDraft>): Promise<{ times: readonly number[]; fields: FieldProblems }>;
  newId(): string;
}

const PATH = "/api/schedules";

export class HttpSchedules implements Schedules {
  constructor(
    private readonly http: Http,
    readonly newId: () => string,
  ) {}

  async list(): Promise<ScheduleList> {
    return (await this.http.request("GET", PATH)) as ScheduleList;
  }

  async create(id: string, draft: Partial<ScheduleDraft>): Promise<ScheduleEntry> {
    return (await this.http.request("POST", PATH, { ...draft, id })) as ScheduleEntry;
  }

  async change(id: string, changes: Partial<ScheduleDraft> & { state?: string }): Promise<ScheduleEntry> {
    return (await this.http.request("PATCH", `${PATH}/${id}`, changes)) as ScheduleEntry;
  }

  async remove(id: string): Promise<void> {
    await this.http.request("DELETE", `${PATH}/${id}`);
  }

  async runNow(id: string): Promise<ScheduleRun> {
    return (await this.http.request("POST", `${PATH}/${id}/run`, { id: this.newId() })) as ScheduleRun;
  }

  async history(id: string, before?: number): Promise<ScheduleHistory> {
    const place = before === undefined ? "" : `?before=${before}`;
    return (await this.http.request("GET", `${PATH}/${id}/history${place}`)) as ScheduleHistory;
  }

  async preview(draft: Partial<ScheduleDraft>): Promise<{ times: readonly number[]; fields: FieldProblems }> {
    return (await this.http.request("POST", `${PATH}/preview`, draft)) as {
      times: readonly number[];
      fields: FieldProblems;
    };
  }
}
