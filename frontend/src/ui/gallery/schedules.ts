import type {
  HttpError,
  ScheduleDraft,
  ScheduleEntry,
  ScheduleHistory,
  ScheduleList,
  ScheduleRun,
  Schedules,
} from "../../sync";

const DAY = 86_400_000;

export function scheduleRun(more: Partial<ScheduleRun> = {}): ScheduleRun {
  return {
    id: "f1",
    due: Date.now() - DAY,
    manual: false,
    state: "over",
    outcome: "finished",
    detail: "It will be sunny, 18 °C.",
    conversation: "0190a000-0000-7000-8000-000000000001",
    run: "r1",
    delivery: null,
    passed: null,
    undelivered: "",
    ...more,
  };
}

export function schedule(more: Partial<ScheduleEntry> = {}): ScheduleEntry {
  return {
    id: "0190a000-0000-7000-8000-0000000000c1",
    name: "Weather",
    prompt: "How will the weather be?",
    agent: "",
    kind: "cron",
    cron: "0 9 * * *",
    zone: "Europe/Berlin",
    every_s: 0,
    at: null,
    ends_at: null,
    missed: "once",
    most: 10,
    place: "new",
    conversation: null,
    delivery: null,
    state: "active",
    problem: "",
    next: [1, 2, 3, 4, 5].map((day) => Date.now() + day * DAY),
    last: scheduleRun(),
    made_by_agent: false,
    created_at: Date.now() - 7 * DAY,
    ...more,
  };
}

/** Schedules without a server: a list in memory, and a record of what was asked for. */
export class FakeSchedules implements Schedules {
  entries: ScheduleEntry[] = [];
  runs: ScheduleRun[] = [];
  destinations: ScheduleList["destinations"] = [];
  /** Thrown by the next `create` or `change`. */
  refusal: HttpError | null = null;
  /** Thrown by `list`. */
  trouble: HttpError | null = null;
  readonly calls: { method: string; args: readonly unknown[] }[] = [];
  #ids = 0;

  async list(): Promise<ScheduleList> {
    if (this.trouble) throw this.trouble;
    return {
      schedules: this.entries,
      most: 50,
      least_s: 60,
      destinations: this.destinations,
      now: Date.now(),
    };
  }

  async create(id: string, draft: Partial<ScheduleDraft>): Promise<ScheduleEntry> {
    this.#note("create", id, draft);
    this.#refuse();
    const entry = schedule({ ...draft, id, last: null } as Partial<ScheduleEntry>);
    this.entries = [entry, ...this.entries];
    return entry;
  }

  async change(
    id: string,
    changes: Partial<ScheduleDraft> & { state?: "active" | "paused" },
  ): Promise<ScheduleEntry> {
    this.#note("change", id, changes);
    this.#refuse();
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry));
    return this.entries.find((entry) => entry.id === id) as ScheduleEntry;
  }

  async remove(id: string): Promise<void> {
    this.#note("remove", id);
    this.entries = this.entries.filter((entry) => entry.id !== id);
  }

  async runNow(id: string): Promise<ScheduleRun> {
    this.#note("runNow", id);
    return scheduleRun({ state: "received", outcome: "", conversation: null });
  }

  async history(id: string, before?: number): Promise<ScheduleHistory> {
    this.#note("history", id, before);
    return { firings: this.runs, more: false };
  }

  async preview(draft: Partial<ScheduleDraft>) {
    this.#note("preview", draft);
    if (draft.kind === "cron" && draft.cron?.split(" ").length !== 5)
      return { times: [], fields: { cron: { code: "bad_cron", detail: "Write five fields." } } };
    return { times: [1, 2, 3, 4, 5].map((day) => Date.now() + day * DAY), fields: {} };
  }

  newId(): string {
    this.#ids += 1;
    return `0190a000-0000-7000-8000-00000000000${this.#ids}`;
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
