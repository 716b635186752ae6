import type {
  CallView,
  ConversationView,
  ForkView,
  Info,
  Item,
  MessageItem,
  PendingMessage,
  RunView,
  StepItem,
} from "../sync";

/** What one row of the transcript shows. `key` stays the same when a pending message becomes an item. */
export type Row =
  | { type: "pending"; key: string; message: PendingMessage }
  | {
      type: "item";
      key: string;
      item: Item;
      waits: boolean;
      opens: boolean;
      closes: boolean;
      goesOn: boolean;
      /** Which of several ways on this row is the first of. */
      fork: ForkView | null;
      /** Whether it may be answered anew, or said anew. */
      again: boolean;
      /** Who answered then, where the item does not say it and it is not who answers now. */
      answered?: string;
    }
  | { type: "gap"; key: string }
  | { type: "copied"; key: string; from: NonNullable<Info["copied_from"]> }
  | { type: "branches"; key: string; fork: ForkView | null; running: string | null };

const ACTIVE = new Set(["queued", "running", "waiting", "recovering"]);

export function isActiveStatus(status: RunView["status"]): boolean {
  return ACTIVE.has(status);
}

export function isActive<T extends Pick<RunView, "status">>(run: T | null): run is T {
  return run !== null && ACTIVE.has(run.status);
}

/** The step that is being streamed, if one is. */
export function streamingStep(items: readonly Item[]): StepItem | null {
  for (let index = items.length - 1; index >= 0; index--) {
    const item = items[index];
    if (item?.kind === "step" && item.status === "streaming") return item;
  }
  return null;
}

export function callsInDoubt(items: readonly Item[]): CallView[] {
  return items.flatMap((item) =>
    item.kind === "step" ? item.calls.filter((call) => call.status === "in_doubt") : [],
  );
}

/** The calls that wait for somebody to allow them. */
export function callsToApprove(items: readonly Item[]): CallView[] {
  return items.flatMap((item) => (item.kind === "step" ? item.calls.filter(asksApproval) : []));
}

/** Whether somebody is still to say whether the call may run. Calls of old have no such field. */
export function asksApproval(call: CallView): boolean {
  return call.status === "awaiting_approval" && call.approval != null && call.approval.decision === null;
}

/**
 * The rows of a conversation, in order. A message waits for its turn when a run is active, the run was not caused
 * by it, and no step stands after it yet (rule R6). `opens`/`closes`: the step begins or ends a stretch of steps. `goesOn`:
 * it is half an answer that somebody may ask to go on with, because nothing has been said since.
 */
export function rowsOf(view: RowsView): Row[] {
  const { items, pending, run } = view;
  const waits = waiting(view);
  const forks = forksAt(view);
  const idle = !isActive(run);
  const lastWord =
    pending.length === 0
      ? items.findLastIndex((item) => item.kind !== "notice" && item.kind !== "agent")
      : -1;
  const rows: Row[] = items.map((item, index) => ({
    type: "item",
    key: item.id,
    item,
    waits: waits.has(item.id),
    opens: items[index - 1]?.kind !== "step",
    closes: items[index + 1]?.kind !== "step",
    goesOn: index === lastWord && idle && isHalf(item),
    fork: forks.get(item.id) ?? null,
    again: idle,
  }));
  // Steps of earlier releases do not say who answered: whoever did before the next change.
  let answered: string | undefined;
  for (const row of rows.toReversed()) {
    if (row.type !== "item") continue;
    if (row.item.kind === "agent") answered = row.item.before;
    else if (answered) row.answered = answered;
  }
  const missing = view.gap == null ? -1 : items.findIndex((item) => item.seq >= (view.gap ?? 0));
  if (missing > 0) rows.splice(missing, 0, { type: "gap", key: "gap" });
  for (const message of pending) rows.push({ type: "pending", key: message.id, message });
  if ((view.branches?.forks.length ?? 0) > 0) rows.push(lastRow(view, forks.get("") ?? null));
  const from = view.info?.copied_from;
  if (from && view.older === "none") rows.unshift({ type: "copied", key: "copied", from });
  return rows;
}

type RowsView = Pick<ConversationView, "items" | "pending" | "run"> &
  Partial<Pick<ConversationView, "branches" | "seen" | "older" | "gap" | "info">>;

/** That there is more elsewhere, under the last row; with a fork that has nothing behind it here. */
function lastRow({ branches, run }: RowsView, fork: ForkView | null): Row {
  const on = run?.branch ?? "";
  const elsewhere = isActive(run) && branches != null && on !== branches.shown;
  return { type: "branches", key: "branches", fork, running: elsewhere ? on : null };
}

/** By the id of the item that stands first on it: each fork of what is shown; "" has one behind which nothing stands. */
function forksAt({ items, branches, older, gap }: RowsView): Map<string, ForkView> {
  const forks = new Map<string, ForkView>();
  for (const fork of branches?.forks ?? []) {
    const first = items.find((item) => item.seq >= fork.before);
    // What is above may not have been loaded: then the first item here need not be the one behind the fork.
    const above = older !== undefined && older !== "none";
    if (above && first === items[0] && first?.seq !== fork.before) continue;
    // So it is behind a gap.
    const behind = gap != null && first !== undefined && first.seq >= gap && fork.before < gap;
    if (behind && first === items.find((item) => item.seq >= gap)) continue;
    forks.set(first?.id ?? "", fork);
  }
  return forks;
}

/** The ids of messages that wait for their turn (rule R6). */
function waiting({ items, run, branches, seen }: RowsView): Set<string> {
  if (!isActive(run)) return new Set();
  if (branches != null) {
    const read = (item: Item) => seen?.seen[item.branch ?? ""] ?? 0;
    return new Set(
      items.filter((item) => item.kind === "message" && item.seq > read(item)).map((item) => item.id),
    );
  }
  const after = items.slice(items.findLastIndex((item) => item.kind === "step") + 1);
  return new Set(
    after.filter((item) => item.kind === "message" && item.id !== run.cause).map((item) => item.id),
  );
}

/** The messages that wait behind the active run, oldest first (rule R6). */
export function waitingMessages(view: Omit<RowsView, "pending">): MessageItem[] {
  const ids = waiting({ ...view, pending: [] });
  return view.items.filter((item) => item.kind === "message" && ids.has(item.id)) as MessageItem[];
}

/** The names of the tools by which the answer that `id` belongs to may have changed something, each once. */
export function effectsBefore(items: readonly Item[], id: string): string[] {
  const at = items.findIndex((item) => item.id === id);
  const from = items.slice(0, at + 1).findLastIndex((item) => item.kind === "message");
  const next = items.findIndex((item, index) => index > at && item.kind === "message");
  const answer = items.slice(from + 1, next < 0 ? undefined : next);
  const calls = answer.flatMap((item) => (item.kind === "step" ? item.calls : []));
  const begun = calls.filter((call) => call.attempt > 0 && call.effect !== "read_only");
  return [...new Set(begun.map((call) => call.name))];
}

/** Whether the item is an answer that began and did not come to its end. Steps of old have no such field. */
function isHalf(item: Item): boolean {
  return item.kind === "step" && item.incomplete != null && item.text !== "" && item.calls.length === 0;
}

/** Rows that stay mounted when scrolled away: they stream, or a person may be typing into them. */
export function rowsToKeep(rows: readonly Row[]): number[] {
  return rows.flatMap((row, index) => {
    if (row.type !== "item" || row.item.kind !== "step") return [];
    const asks = (call: CallView) => call.status === "in_doubt" || asksApproval(call);
    const live = row.item.status === "streaming" || row.item.calls.some(asks);
    return live ? [index] : [];
  });
}

export type RunState = "none" | "queued" | "running" | "recovering" | "waiting" | "retrying" | "stopping";

/** The one state to show of a run, the most telling first. */
export function runState(view: Pick<ConversationView, "run" | "stopping">): RunState {
  const { run } = view;
  if (!isActive(run)) return "none";
  if (view.stopping || run.stopping) return "stopping";
  if (run.retry_at !== null && run.status === "running") return "retrying";
  return run.status as RunState;
}

/** `current_time` → `Current time`, for tools that the dictionary does not know. */
export function humanise(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_\-./]+/g, " ")
    .trim()
    .toLowerCase();
  return words ? words.charAt(0).toUpperCase() + words.slice(1) : name;
}

export interface Arguments {
  /** Pretty JSON, or the raw text when it is not JSON. */
  text: string;
  malformed: boolean;
  empty: boolean;
  /** One short line for the head of a card. */
  summary: string;
}

/** A call's arguments for people; never throws, whatever the model wrote. */
export function readArguments(raw: string): Arguments {
  let value: unknown;
  try {
    value = raw.trim() === "" ? {} : JSON.parse(raw);
  } catch {
    return { text: raw, malformed: true, empty: false, summary: oneLine(raw) };
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return { text: JSON.stringify(value, null, 2), malformed: false, empty: false, summary: oneLine(raw) };
  }
  const entries = Object.entries(value);
  const only = entries.length === 1 ? entries[0] : undefined;
  const summary = only ? plain(only[1]) : entries.map(([key, each]) => `${key}: ${plain(each)}`).join(", ");
  return {
    text: JSON.stringify(value, null, 2),
    malformed: false,
    empty: entries.length === 0,
    summary: oneLine(summary),
  };
}

/**
 * Arguments as somebody must see them who is to allow them: made readable only where that hides nothing. A name that
 * stands twice, or a number that JavaScript cannot hold, shows the text as the model wrote it.
 */
export function exactArguments(raw: string): string {
  const strings = /"(?:[^"\\]|\\.)*"|\s+/g;
  try {
    const value: unknown = JSON.parse(raw);
    const written = raw.replace(strings, (each) => (each[0] === '"' ? JSON.stringify(JSON.parse(each)) : ""));
    return written === JSON.stringify(value) ? JSON.stringify(value, null, 2) : raw;
  } catch {
    return raw;
  }
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}

/** JSON made readable; anything else as it is. */
export function pretty(text: string): string {
  const start = text.trimStart()[0];
  if (start !== "{" && start !== "[") return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
