import type {
  ApproveBody,
  AttachmentRef,
  Begun,
  Boot,
  BootState,
  CallDetail,
  CallView,
  Client,
  Connection,
  ConversationView,
  Copies,
  Draft,
  Drafts,
  Item,
  ListEntry,
  ListState,
  LocalFile,
  MessageItem,
  NoticeItem,
  Outcome,
  PendingMessage,
  PlacePage,
  Places,
  Readable,
  RunView,
  SearchPage,
  SettleBody,
  Span,
  StepItem,
  Timeline,
  Upload,
} from "../../sync";
import { HttpError } from "../../sync";
import { FakeSchedules } from "./schedules";
import { FakeNotes, FakeTriggers } from "./triggers";

/** A conversation in which no model has answered yet. */
export const NO_USAGE = { input: 0, output: 0, cached: 0, cost: null };

/** A value that can be set: the fake side of a `Readable`. */
export class Cell<T> implements Readable<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): T => this.#value;

  set(value: T): void {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  update(change: (value: T) => Partial<T>): void {
    this.set({ ...this.#value, ...change(this.#value) });
  }
}

export const BOOT: Boot = {
  user: "mei",
  agents: [
    {
      slug: "demo",
      name: "Demo agent",
      description: "Answers from a script; knows the time and can calculate",
    },
    { slug: "writer", name: "Writer", description: "Drafts and edits texts" },
  ],
  csrf: "token",
  hello_token: "token",
  admin: true,
  max_text: 32_000,
  max_file: 10_000_000,
  max_import: 50_000_000,
  renderers: {},
  entrances: { pager: "a pager" },
};

/** Makes conversations of copies and files, or what `problem` says. */
class FakeCopies implements Copies {
  problem: HttpError | null = null;
  readonly asked: (readonly unknown[])[] = [];
  begun: Begun = { id: "01890000-0000-7000-8000-00000000cccc", missing: [], closed: false };

  async copy(...args: readonly unknown[]): Promise<Begun> {
    return this.#answer("copy", ...args);
  }

  async bringIn(file: LocalFile): Promise<Begun> {
    return this.#answer("bringIn", file.name);
  }

  #answer(...args: readonly unknown[]): Begun {
    this.asked.push(args);
    if (this.problem !== null) throw this.problem;
    return this.begun;
  }
}

/** Drafts that last as long as the client. */
class FakeDrafts implements Drafts {
  readonly #held = new Map<string | null, Draft>();

  get(conversation: string | null): Draft {
    return this.#held.get(conversation) ?? { text: "", files: [] };
  }

  set(conversation: string | null, draft: Draft): void {
    this.#held.set(conversation, draft);
  }

  clear(): void {
    this.#held.clear();
  }
}

export interface Called {
  method: string;
  args: readonly unknown[];
}

/** A conversation of the list. */
export const listed = (id: string, run_status: ListEntry["run_status"], updated_at = 10): ListEntry => ({
  id,
  title: id,
  agent: "demo",
  created_at: 0,
  updated_at,
  run_status,
  pinned: false,
  archived: false,
  pending: false,
});

/** A client without a network: the same interface, states set by hand, and a record of what was called. */
export class FakeClient implements Client {
  readonly boot: Cell<BootState>;
  readonly connection = new Cell<Connection>({ status: "open" });
  readonly list = new Cell<ListState>({
    conversations: [],
    query: "",
    archived: false,
    more: false,
    status: "ready",
    problem: null,
    loadingMore: false,
  });
  readonly uploads = new Cell<readonly Upload[]>([]);
  readonly calls: Called[] = [];
  readonly schedules = new FakeSchedules();
  readonly triggers = new FakeTriggers();
  readonly notes = new FakeNotes();
  readonly drafts = new FakeDrafts();
  readonly copies = new FakeCopies();
  readonly places: Places = { get: () => null, set: () => {}, clear: () => {} };
  readonly details = new Map<string, CallDetail>();
  readonly views = new Map<string, Cell<ConversationView>>();
  /** What `timeline` tells; null: it fails. */
  spans: readonly Span[] | null = null;
  outcome: Outcome = { status: "applied" };
  /** Thrown by the next `send` or `newConversation`. */
  refusal: Error | null = null;
  onSend: (conversation: string, message: PendingMessage) => void = () => {};
  onOlder: (conversation: string) => void = () => {};
  #ids = 0;

  constructor(boot: Boot = BOOT) {
    this.boot = new Cell<BootState>({ status: "ready", boot, agents: boot.agents });
  }

  conversation(id: string): Cell<ConversationView> {
    let cell = this.views.get(id);
    if (!cell) {
      cell = new Cell<ConversationView>(emptyView(id));
      this.views.set(id, cell);
    }
    return cell;
  }

  readonly now = (): number => Date.now();

  start(): void {}
  dispose(): void {}
  reconnect(): void {
    this.#note("reconnect");
  }
  /** What the next `mark` rejects with. */
  markProblem: Error | null = null;
  async mark(ids: readonly string[], marks: { pinned?: boolean; archived?: boolean }): Promise<void> {
    this.#note("mark", ids, marks);
    if (this.markProblem) throw this.markProblem;
  }
  search(query: string): void {
    this.#note("search", query);
    this.list.update((list) => ({ ...list, query }));
  }
  loadMoreConversations(): void {
    this.#note("loadMoreConversations");
  }
  refreshList(): void {
    this.#note("refreshList");
  }
  open(conversation: string): () => void {
    this.#note("open", conversation);
    return () => this.#note("close", conversation);
  }
  newConversation(
    agent: string,
    text: string,
    attachments: readonly string[] = [],
  ): { conversation: string; message: string } {
    this.#refuse();
    this.#note("newConversation", agent, text, ...(attachments.length > 0 ? [attachments] : []));
    const conversation = "0190a000-0000-7000-8000-00000000ffff";
    this.conversation(conversation).update(() => ({ phase: "new" }));
    return { conversation, message: this.#queue(conversation, text) };
  }
  send(conversation: string, text: string, attachments: readonly string[] = []): string {
    this.#refuse();
    this.#note("send", conversation, text, ...(attachments.length > 0 ? [attachments] : []));
    return this.#queue(conversation, text);
  }
  attach(file: LocalFile): string {
    this.#refuse();
    this.#note("attach", file);
    this.#ids += 1;
    const { name, size, type } = file;
    const id = `file-${this.#ids}`;
    const upload: Upload = {
      id,
      name,
      size,
      media_type: type,
      file,
      state: "uploading",
      progress: 0.4,
      code: null,
      detail: "",
    };
    this.uploads.set([...this.uploads.getSnapshot(), upload]);
    return id;
  }
  detach(id: string): void {
    this.#note("detach", id);
    this.uploads.set(this.uploads.getSnapshot().filter((upload) => upload.id !== id));
  }
  retry(conversation: string, message: string): void {
    this.#note("retry", conversation, message);
  }
  discard(conversation: string, message: string): void {
    this.#note("discard", conversation, message);
    this.conversation(conversation).update((view) => ({
      pending: view.pending.filter((each) => each.id !== message),
    }));
  }
  async stop(conversation: string, withdraw = false): Promise<Outcome> {
    this.#note("stop", conversation, ...(withdraw ? [withdraw] : []));
    this.conversation(conversation).update(() => ({ stopping: true }));
    return this.outcome;
  }
  async edit(
    conversation: string,
    message: string,
    text: string,
    attachments: readonly string[] = [],
  ): Promise<Outcome> {
    this.#note("edit", conversation, message, text, attachments);
    return this.outcome;
  }
  async tryAgain(conversation: string, item: string, agent?: string): Promise<Outcome> {
    this.#note("tryAgain", conversation, item, ...(agent ? [agent] : []));
    return this.outcome;
  }
  async rewrite(
    conversation: string,
    message: string,
    text: string,
    attachments: readonly string[] = [],
  ): Promise<Outcome> {
    this.#note("rewrite", conversation, message, text, attachments);
    return this.outcome;
  }
  async choose(conversation: string, branch: string): Promise<Outcome> {
    this.#note("choose", conversation, branch);
    return this.outcome;
  }
  async withdraw(conversation: string, message: string): Promise<Outcome> {
    this.#note("withdraw", conversation, message);
    return this.outcome;
  }
  restore(files: readonly AttachmentRef[]): void {
    this.#note("restore", files);
    const there = files.map(
      ({ id, name, size, media_type }): Upload => ({
        ...{ id, name, size, media_type, file: { name, size, type: media_type } },
        ...{ state: "done", progress: 1, code: null, detail: "" },
      }),
    );
    this.uploads.set([...this.uploads.getSnapshot(), ...there]);
  }
  async rename(conversation: string, title: string): Promise<Outcome> {
    this.#note("rename", conversation, title);
    return this.outcome;
  }
  async changeAgent(conversation: string, agent: string): Promise<Outcome> {
    this.#note("changeAgent", conversation, agent);
    return this.outcome;
  }
  async remove(conversation: string): Promise<Outcome> {
    this.#note("remove", conversation);
    return this.outcome;
  }
  async settle(
    conversation: string,
    call: string,
    decision: SettleBody["decision"],
    result?: string,
  ): Promise<Outcome> {
    this.#note("settle", conversation, call, decision, result);
    return this.outcome;
  }
  async approve(
    conversation: string,
    call: string,
    digest: string,
    decision: ApproveBody["decision"],
    note?: string,
  ): Promise<Outcome> {
    this.#note("approve", conversation, call, digest, decision, note);
    return this.outcome;
  }
  async takeBack(conversation: string, message: string): Promise<Outcome> {
    this.#note("takeBack", conversation, message);
    return this.outcome;
  }
  async reach(): Promise<boolean> {
    return false;
  }

  async loadBetween(): Promise<void> {}

  async searchTexts(): Promise<SearchPage> {
    return { titles: [], hits: [], next: null };
  }

  async find(): Promise<PlacePage> {
    return { places: [], elsewhere: 0 };
  }

  async loadOlder(conversation: string): Promise<void> {
    this.#note("loadOlder", conversation);
    this.onOlder(conversation);
  }
  async timeline(conversation: string, id: string): Promise<Timeline> {
    this.#note("timeline", conversation, id);
    if (!this.spans) throw new HttpError({ code: "server", status: 500, detail: "", retry: true });
    return { run: id, now: 10_000, spans: this.spans, cut: false };
  }
  async callDetail(conversation: string, call: string): Promise<CallDetail> {
    this.#note("callDetail", conversation, call);
    const detail = this.details.get(call);
    if (!detail) throw new Error(`no detail of ${call}`);
    return detail;
  }

  #note(method: string, ...args: unknown[]): void {
    this.calls.push({ method, args });
  }

  #refuse(): void {
    const refusal = this.refusal;
    this.refusal = null;
    if (refusal) throw refusal;
  }

  #queue(conversation: string, text: string): string {
    this.#ids += 1;
    const message: PendingMessage = {
      id: `own-${this.#ids}`,
      text,
      at: Date.now(),
      state: "sending",
      code: null,
    };
    this.conversation(conversation).update((view) => ({ pending: [...view.pending, message] }));
    this.onSend(conversation, message);
    return message.id;
  }
}

export function emptyView(id: string): ConversationView {
  return {
    id,
    phase: "opening",
    synced: false,
    info: null,
    run: null,
    stopping: false,
    items: [],
    branches: null,
    seen: null,
    pending: [],
    older: "none",
    gap: null,
  };
}

export function message(seq: number, text: string, more: Partial<MessageItem> = {}): MessageItem {
  return {
    kind: "message",
    seq,
    id: `m${seq}`,
    text,
    at: Date.now() - 60_000,
    origin: { entrance: "web", name: "" },
    attachments: [],
    left_out: null,
    ...more,
  };
}

export function step(seq: number, text: string, more: Partial<StepItem> = {}): StepItem {
  return {
    kind: "step",
    seq,
    id: `r.${seq}`,
    run: "r",
    status: "finished",
    attempt: 1,
    survived: false,
    model: "demo",
    text,
    reasoning: "",
    calls: [],
    usage: { input: 812, output: 96, cached: 640, cost: 3_420_000 },
    incomplete: null,
    at: Date.now() - 50_000,
    ended_at: Date.now() - 45_000,
    left_out: null,
    ...more,
  };
}

export function call(id: string, name: string, args: unknown, more: Partial<CallView> = {}): CallView {
  return {
    id,
    ordinal: 0,
    name,
    arguments: typeof args === "string" ? args : JSON.stringify(args),
    effect: "read_only",
    status: "proposed",
    attempt: 0,
    worker: "",
    progress: null,
    preview: "",
    size: 0,
    code: null,
    by: "",
    approval: null,
    started_at: null,
    ended_at: null,
    ...more,
  };
}

/** What a call carries when a person was asked about it. */
export function asked(more: Partial<NonNullable<CallView["approval"]>> = {}): CallView["approval"] {
  const at = Date.now() - 60_000;
  return { digest: "d", asked_at: at, decision: null, by: "", note: "", decided_at: null, ...more };
}

export function done(preview: string, ms = 1200, more: Partial<CallView> = {}): Partial<CallView> {
  const ended = Date.now() - 40_000;
  return {
    status: "succeeded",
    attempt: 1,
    preview,
    size: preview.length,
    started_at: ended - ms,
    ended_at: ended,
    ...more,
  };
}

export function notice(seq: number, code: NoticeItem["code"], detail = ""): NoticeItem {
  return { kind: "notice", seq, id: `notice-${seq}`, at: Date.now() - 30_000, code, detail };
}

export function run(status: RunView["status"], more: Partial<RunView> = {}): RunView {
  return {
    id: "r",
    cause: "m1",
    status,
    since: Date.now() - 13_000,
    attempt: 1,
    worker: "w1",
    queued_at: Date.now() - 14_000,
    started_at: Date.now() - 13_000,
    ended_at: null,
    stopping: false,
    reason: null,
    code: null,
    detail: "",
    retry_at: null,
    usage: NO_USAGE,
    ...more,
  };
}

export function live(
  id: string,
  items: readonly Item[],
  more: Partial<ConversationView> = {},
): ConversationView {
  return {
    ...emptyView(id),
    phase: "live",
    synced: true,
    info: {
      title: "Tea, time and a little arithmetic",
      agent: "demo",
      created_at: Date.now() - 3_600_000,
      usage: { input: 4211, output: 530, cached: 3100, cost: 18_650_000 },
    },
    items,
    ...more,
  };
}
