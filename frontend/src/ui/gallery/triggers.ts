import type {
  HttpError,
  NoteEntry,
  NoteList,
  Notes,
  TriggerDraft,
  TriggerEntry,
  TriggerFiring,
  TriggerHistory,
  TriggerList,
  Triggers,
} from "../../sync";

const DAY = 86_400_000;

export function triggerEntry(more: Partial<TriggerEntry> = {}): TriggerEntry {
  return {
    id: "0190a000-0000-7000-8000-0000000000a1",
    name: "Builds",
    kind: "webhook",
    prompt: "Build {{ payload.id }} failed. Find out why.",
    agent: "",
    conversation: null,
    paused: false,
    cooldown_s: 0,
    per_hour: 30,
    max_fires: null,
    expires_at: null,
    path: "",
    match: "any",
    pattern: "",
    sender: "github",
    signature_header: "X-Hub-Signature-256",
    delivery_header: "",
    url: "",
    interval_s: 300,
    watched: [],
    speaker: "person",
    outcomes: [],
    after_agent: "",
    after_trigger: null,
    after_schedule: null,
    signed: true,
    state: "active",
    fires: 3,
    fired_at: Date.now() - DAY,
    checked_at: null,
    next_at: null,
    problem: "",
    made_by_agent: false,
    created_at: Date.now() - 7 * DAY,
    ...more,
  };
}

export function triggerFiring(more: Partial<TriggerFiring> = {}): TriggerFiring {
  return {
    id: 1,
    at: Date.now() - DAY,
    manual: false,
    state: "fired",
    reason: "",
    detail: "",
    bytes: 12,
    seen: '{"payload": {"id": 7}}',
    fired_at: Date.now() - DAY,
    conversation: "0190a000-0000-7000-8000-000000000001",
    run: "r1",
    outcome: "finished",
    undelivered: "",
    ...more,
  };
}

/** Triggers without a server: a list in memory, and a record of what was asked for. */
export class FakeTriggers implements Triggers {
  entries: TriggerEntry[] = [];
  firings: TriggerFiring[] = [];
  /** Thrown by the next `create` or `change`. */
  refusal: HttpError | null = null;
  readonly calls: { method: string; args: readonly unknown[] }[] = [];
  #ids = 0;
  #addresses = 0;

  async list(): Promise<TriggerList> {
    const senders = [
      { name: "hmac", label: "HMAC-SHA256 in a header", header: true },
      { name: "github", label: "GitHub", header: false },
      { name: "basic", label: "a name and a password", header: false },
    ];
    return { triggers: this.entries, most: 50, least_s: 60, senders, now: Date.now() };
  }

  async get(id: string): Promise<TriggerEntry> {
    this.#note("get", id);
    return this.#whole(id);
  }

  async create(id: string, draft: Partial<TriggerDraft>): Promise<TriggerEntry> {
    this.#note("create", id, draft);
    this.#refuse();
    this.entries = [triggerEntry({ ...draft, id, fires: 0, fired_at: null }), ...this.entries];
    return this.#whole(id);
  }

  async change(id: string, changes: Partial<TriggerDraft>): Promise<TriggerEntry> {
    this.#note("change", id, changes);
    this.#refuse();
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry));
    return this.#whole(id);
  }

  async remove(id: string): Promise<void> {
    this.#note("remove", id);
    this.entries = this.entries.filter((entry) => entry.id !== id);
  }

  async fire(id: string): Promise<TriggerFiring> {
    this.#note("fire", id);
    const firing = triggerFiring({
      id: this.firings.length + 1,
      state: "pending",
      manual: true,
      conversation: null,
      outcome: "",
    });
    this.firings = [firing, ...this.firings];
    return firing;
  }

  async renew(id: string): Promise<TriggerEntry> {
    this.#note("renew", id);
    this.#addresses += 1;
    return this.#whole(id);
  }

  async history(id: string, before?: number): Promise<TriggerHistory> {
    this.#note("history", id, before);
    return { firings: this.firings, more: false };
  }

  newId(): string {
    this.#ids += 1;
    return `0190a000-0000-7000-8000-0000000000b${this.#ids}`;
  }

  #whole(id: string): TriggerEntry {
    const entry = this.entries.find((each) => each.id === id) ?? triggerEntry({ id });
    return { ...entry, address: `https://chat.example/hooks/${id}/secret-${this.#addresses}` };
  }

  #note(method: string, ...args: unknown[]): void {
    this.calls.push({ method, args });
  }

  #refuse(): void {
    const refusal = this.refusal;
    this.refusal = null;
    if (refusal) throw refusal;
  }
}

/** Notes without a server. */
export class FakeNotes implements Notes {
  entries: NoteEntry[] = [];

  async list(): Promise<NoteList> {
    return { notes: this.entries, most: 200 };
  }

  async change(number: number, text: string): Promise<NoteEntry> {
    this.entries = this.entries.map((note) => (note.number === number ? { ...note, text } : note));
    return this.entries.find((note) => note.number === number) as NoteEntry;
  }

  async remove(number: number): Promise<void> {
    this.entries = this.entries.filter((note) => note.number !== number);
  }

  async removeAll(): Promise<void> {
    this.entries = [];
  }
}
