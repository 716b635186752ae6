// Triggers over HTTP (chat/entrances/triggers/api.py). Moments are milliseconds since the Unix epoch.
import type { Http } from "./http";

export type TriggerKind = "webhook" | "poll" | "message" | "run";
export type TriggerMatch = "any" | "contains" | "equals" | "regex";
export type RunEnd = "finished" | "failed" | "stopped";

/** What somebody wants. */
export interface TriggerDraft {
  name: string;
  kind: TriggerKind;
  prompt: string;
  /** A slug; "" is the default agent. */
  agent: string;
  /** null: a new one each time. */
  conversation: string | null;
  paused: boolean;
  cooldown_s: number;
  per_hour: number;
  /** null: no limit. */
  max_fires: number | null;
  expires_at: number | null;
  path: string;
  match: TriggerMatch;
  pattern: string;
  /** Of `senders` of the list. */
  sender: string;
  /** Never comes back: `signed` says whether there is one. "" takes it away. */
  secret: string;
  signature_header: string;
  delivery_header: string;
  url: string;
  interval_s: number;
  /** Conversations that are listened to; none: all of them. */
  watched: readonly string[];
  speaker: "person" | "agent" | "anyone";
  outcomes: readonly RunEnd[];
  after_agent: string;
  after_trigger: string | null;
  after_schedule: string | null;
}

export interface TriggerEntry extends Omit<TriggerDraft, "secret"> {
  id: string;
  /** Whether deliveries must be signed. */
  signed: boolean;
  state: "active" | "paused" | "expired" | "limit";
  fires: number;
  fired_at: number | null;
  checked_at: number | null;
  next_at: number | null;
  /** What went wrong when the address was looked at last. */
  problem: string;
  made_by_agent: boolean;
  created_at: number;
  /** The secret address of a webhook; only where one trigger is asked for. */
  address?: string | null;
}

export interface TriggerSender {
  name: string;
  label: string;
  /** Whether it says in no header of its own where the signature is. */
  header: boolean;
}

export interface TriggerList {
  /** Newest first. */
  triggers: readonly TriggerEntry[];
  most: number;
  least_s: number;
  senders: readonly TriggerSender[];
  now: number;
}

/** Something that was seen, and what came of it. */
export interface TriggerFiring {
  id: number;
  at: number;
  /** Fired by hand, to try it. */
  manual: boolean;
  state: "pending" | "fired" | "skipped" | "failed";
  /** Why it did not fire, or could not be carried out: a code, and the server's words for it. */
  reason: string;
  detail: string;
  bytes: number;
  /** The beginning of what was seen, as JSON. */
  seen: string;
  fired_at: number | null;
  conversation: string | null;
  run: string;
  /** How the run stands or has ended; "" before it begins. */
  outcome: string;
  /** Why its answer could not be delivered; "" if it could, or nobody waits for one. */
  undelivered: string;
}

export interface TriggerHistory {
  firings: readonly TriggerFiring[];
  more: boolean;
}

/** All of these reject with `HttpError`; `problem.fields` says what is wrong with a draft. */
export interface Triggers {
  list(): Promise<TriggerList>;
  get(id: string): Promise<TriggerEntry>;
  /** `id` is made by `newId`, once per form, so that sending the form twice makes one trigger. */
  create(id: string, draft: Partial<TriggerDraft>): Promise<TriggerEntry>;
  change(id: string, changes: Partial<TriggerDraft>): Promise<TriggerEntry>;
  remove(id: string): Promise<void>;
  fire(id: string): Promise<TriggerFiring>;
  renew(id: string): Promise<TriggerEntry>;
  /** `before`: the id of the last one that was seen. */
  history(id: string, before?: number): Promise<TriggerHistory>;
  newId(): string;
}

const PATH = "/api/triggers";

export class HttpTriggers implements Triggers {
  constructor(
    private readonly http: Http,
    readonly newId: () => string,
  ) {}

  async list(): Promise<TriggerList> {
    return (await this.http.request("GET", PATH)) as TriggerList;
  }

  async get(id: string): Promise<TriggerEntry> {
    return (await this.http.request("GET", `${PATH}/${id}`)) as TriggerEntry;
  }

  async create(id: string, draft: Partial<TriggerDraft>): Promise<TriggerEntry> {
    return (await this.http.request("POST", PATH, { ...draft, id })) as TriggerEntry;
  }

  async change(id: string, changes: Partial<TriggerDraft>): Promise<TriggerEntry> {
    return (await this.http.request("PATCH", `${PATH}/${id}`, changes)) as TriggerEntry;
  }

  async remove(id: string): Promise<void> {
    await this.http.request("DELETE", `${PATH}/${id}`);
  }

  async fire(id: string): Promise<TriggerFiring> {
    return (await this.http.request("POST", `${PATH}/${id}/run`, { id: this.newId() })) as TriggerFiring;
  }

  async renew(id: string): Promise<TriggerEntry> {
    return (await this.http.request("POST", `${PATH}/${id}/renew`)) as TriggerEntry;
  }

  async history(id: string, before?: number): Promise<TriggerHistory> {
    const place = before === undefined ? "" : `?before=${before}`;
    return (await this.http.request("GET", `${PATH}/${id}/history${place}`)) as TriggerHistory;
  }
}
