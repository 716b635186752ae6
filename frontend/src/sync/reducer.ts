// The state of a session and the pure reducer that moves it: the twin of chat/session/state.py (rule S4).
// Both are held by the vectors in tests/wire/; change neither alone.
import { continued, MAIN, moves, marked as of, onPath, queuedOn, readUpTo, waits } from "./branches";
import { after, known } from "./lifecycle";
import {
  type AnyEvent,
  CALL,
  type CallView,
  type Item,
  type MessageItem,
  type ProposedCall,
  RUN,
  type RunView,
  STEP,
  type StepItem,
  type Usage,
  WINDOW,
} from "./protocol.gen";
import type { State } from "./state";

export type { State } from "./state";

export interface Reduced {
  state: State;
  /** Items that this event pushed out of the window, in ascending seq; they did happen, unlike discarded ones. */
  evicted: readonly Item[];
}

export const EMPTY: State = { info: null, run: null, items: [] };
const NONE: readonly Item[] = [];
export const NO_USAGE: Usage = { input: 0, output: 0, cached: 0, cost: null };

type StepEnded = Extract<AnyEvent, { type: "step.finished" | "step.stopped" | "step.discarded" }>;
type MessageLeftOut = Extract<AnyEvent, { type: "message.left_out" }>;
type AgentChanged = Extract<AnyEvent, { type: "conversation.agent_changed" }>;
export type MessageEdited = Extract<AnyEvent, { type: "message.edited" }>;
type LeftOut = NonNullable<MessageItem["left_out"]>;
type CallEvent = Extract<AnyEvent, { call: string }>;
type RunEvent = Extract<AnyEvent, { type: `run.${string}` }>;
type StepStarted = Extract<AnyEvent, { type: "step.started" }>;

/**
 * The state after `event`, appended as `seq`. Pure and total: an event that names something the state does not hold
 * (it left the window), that does not fit the state it is in, or that this release does not know, changes nothing of
 * it. What did not change keeps its identity. What shows another branch cannot be reduced: its items are not here
 * (`moves`); a snapshot has to come.
 */
export function reduce(state: State, event: AnyEvent, seq: number): Reduced {
  if (!known(event) || moves(event)) return { state, evicted: NONE };
  return evict(change(state, event, seq), state);
}

/** Whether an item stays however old it is: a step in flight, or with a call that is not settled. */
export function isOpen(item: Item): boolean {
  return item.kind === "step" && (item.status === "streaming" || item.calls.some(isOpenCall));
}

function isOpenCall(call: CallView): boolean {
  const settled: readonly string[] = Object.values(CALL["call.settled"].to);
  return !settled.includes(call.status);
}

function change(state: State, event: AnyEvent, seq: number): State {
  switch (event.type) {
    case "conversation.created":
      return {
        ...state,
        info: {
          title: event.title,
          agent: event.agent,
          created_at: event.at,
          usage: NO_USAGE,
          ...(event.copied_from ? { copied_from: event.copied_from } : {}),
        },
        run: null,
      };
    case "conversation.renamed":
      return renamed(state, event.title, event.usage ?? null);
    case "conversation.agent_changed":
      return agentChanged(state, event, seq);
    case "message.added":
    case "note.added": {
      const { message: id, text, at, origin } = event;
      const left_out = null;
      const shown = state.branches?.shown ?? MAIN;
      if (event.type === "note.added")
        return withItem(state, of({ kind: "note", seq, id, text, at, origin, left_out }, shown));
      // Events of before there were attachments have no such field.
      const attachments = event.attachments ?? [];
      const said = { kind: "message", seq, id, text, at, origin, attachments, left_out } as const;
      return withItem(state, of(said, shown));
    }
    case "branch.opened":
    case "branch.chosen":
      return state;
    case "branch.continued":
      return continued(state, event);
    case "message.left_out":
      return marked(state, event.message, (before) => leftOut(before, event));
    case "message.taken_back":
      return marked(state, event.message, () => null);
    case "message.edited":
      return edited(state, event);
    case "message.withdrawn": {
      const items = state.items.filter((item) => item.kind !== "message" || item.id !== event.message);
      return items.length === state.items.length ? state : { ...state, items };
    }
    case "step.started":
      return stepStarted(state, event, seq);
    case "step.finished":
      return used(state, stepEnded(state, event), event.run, event.usage);
    case "step.stopped":
    case "step.discarded":
      return stepEnded(state, event);
    case "history.compacted":
      return used(null, state, event.run, event.usage);
    case "approval.asked":
    case "approval.decided":
    case "call.started":
    case "call.progress":
    case "call.settled":
    case "call.in_doubt":
    case "call.retried":
      return callChanged(state, event);
    default:
      return runChanged(state, event, seq);
  }
}

function agentChanged(state: State, event: AgentChanged, seq: number): State {
  const { agent, before = "", by = "", at } = event;
  if (state.info === null || state.info.agent === agent) return state;
  const told = { kind: "agent", seq, id: `agent-${seq}`, at, agent, before, by } as const;
  const changed = { ...state, info: { ...state.info, agent } };
  return withItem(changed, of(told, state.branches?.shown ?? MAIN));
}

/** `state` with another mark on an item that can have one; the same state if nothing of it changes. */
function marked(state: State, id: string, next: (before: LeftOut | null) => LeftOut | null): State {
  const at = state.items.findLastIndex((item) => item.id === id);
  const item = state.items[at];
  if (item === undefined || item.kind === "notice" || item.kind === "agent") return state;
  const before = item.left_out ?? null;
  const left_out = next(before);
  return before === left_out ? state : { ...state, items: state.items.with(at, { ...item, left_out }) };
}

function edited(state: State, event: MessageEdited): State {
  const at = state.items.findLastIndex((item) => item.id === event.message);
  const item = state.items[at];
  if (item?.kind !== "message") return state;
  return { ...state, items: state.items.with(at, withWords(item, event)) };
}

/** A message with other words and files; nobody has refused these yet. */
export function withWords(item: MessageItem, event: MessageEdited): MessageItem {
  const { text, attachments, by, at } = event;
  return {
    ...item,
    text,
    attachments,
    left_out: null,
    edited: { at, by, text: item.edited?.text ?? item.text },
  };
}

/** What an item says of being left out. Files come to files, and all of an item is more than some of its files. */
function leftOut(before: LeftOut | null, event: MessageLeftOut): LeftOut {
  const { reason, detail, model, at } = event;
  const held = before?.files ?? [];
  const some = event.files.length > 0 && (before === null || held.length > 0);
  return { reason, detail, files: some ? [...new Set([...held, ...event.files])] : [], model, at };
}

/** `after` with the totals of the run and of the conversation, unless it is what was `before`. */
function used(before: State | null, after: State, id: string, usage: Usage): State {
  const { info, run } = after;
  if (before === after || info === null || run === null || run.id !== id) return after;
  const totals = (held: { usage: Usage }) => ({ usage: sum(held.usage, usage) });
  return { ...after, info: { ...info, ...totals(info) }, run: { ...run, ...totals(run) } };
}

/** Another title; what a model took to write it counts with the latest run. */
function renamed(state: State, title: string, usage: Usage | null): State {
  if (state.info === null) return state;
  const info = { ...state.info, title };
  if (usage === null) return { ...state, info };
  const run = state.run === null ? null : { ...state.run, usage: sum(state.run.usage, usage) };
  return { ...state, info: { ...info, usage: sum(info.usage, usage) }, run };
}

/** Both together; the cost of what has no price is not in the sum. */
function sum(a: Usage = NO_USAGE, b: Usage = NO_USAGE): Usage {
  const costs = [a.cost, b.cost].filter((cost) => typeof cost === "number");
  return {
    input: (a.input ?? 0) + (b.input ?? 0),
    output: (a.output ?? 0) + (b.output ?? 0),
    cached: (a.cached ?? 0) + (b.cached ?? 0),
    cost: costs.length === 0 ? null : costs.reduce((all, one) => all + one, 0),
  };
}

function runChanged(state: State, event: RunEvent, seq: number): State {
  if (event.type === "run.queued") {
    if (state.run?.id === event.run) return state;
    return queuedOn(state, queued(event.run, event.cause, event.at));
  }
  const before = state.run;
  if (before === null || before.id !== event.run) return state;
  const status = after(RUN, before.status, event);
  if (status === null) return state;
  const run: RunView = { ...before, status };
  const calm: RunView = { ...run, reason: null, code: null, detail: "", retry_at: null };
  const moved: RunView = { ...calm, since: event.at };
  const ended: RunView = { ...moved, stopping: false, ended_at: event.at };
  switch (event.type) {
    case "run.started": {
      const { attempt, worker } = event;
      const started_at = run.started_at ?? event.at;
      return { ...state, run: { ...moved, attempt, worker, started_at } };
    }
    case "run.recovering":
      return { ...state, run: { ...moved, reason: event.reason } };
    case "run.waiting":
      return { ...state, run: { ...moved, reason: event.reason } };
    case "run.resumed":
      return { ...state, run: moved };
    case "run.retrying": {
      const { code, detail, retry_at } = event;
      return { ...state, run: { ...calm, code, detail, retry_at } };
    }
    case "run.stopping":
      return { ...state, run: { ...run, stopping: true } };
    case "run.finished": {
      const { limit, detail } = event;
      const next: State = { ...state, run: { ...ended, code: limit, detail } };
      return limit === null ? next : withNotice(next, event.at, seq, limit, detail);
    }
    case "run.failed": {
      const { code, detail } = event;
      const next: State = { ...state, run: { ...ended, code, detail } };
      return withNotice(next, event.at, seq, code, detail);
    }
    case "run.stopped":
      return withNotice({ ...state, run: ended }, event.at, seq, "stopped", event.by);
  }
}

function queued(id: string, cause: string, at: number): RunView {
  return {
    id,
    cause,
    status: "queued",
    since: at,
    attempt: 0,
    worker: "",
    queued_at: at,
    started_at: null,
    ended_at: null,
    stopping: false,
    reason: null,
    code: null,
    detail: "",
    retry_at: null,
    usage: NO_USAGE,
  };
}

type NoticeCode = Extract<Item, { kind: "notice" }>["code"];

function withNotice(state: State, at: number, seq: number, code: NoticeCode, detail: string): State {
  const notice = { kind: "notice", seq, id: `notice-${seq}`, at, code, detail } as const;
  return withItem(state, of(notice, state.run?.branch ?? MAIN));
}

function stepStarted(state: State, event: StepStarted, seq: number): State {
  const { run } = state;
  const mine = run !== null && run.id === event.run ? run : null;
  const held = state.items.findLast((item) => item.id === event.step);
  const status = after(STEP, held?.kind === "step" ? held.status : "new", event);
  if (status === null) return state;
  const items = state.items.filter((item) => item.id !== event.step);
  const step: StepItem = {
    kind: "step",
    seq,
    id: event.step,
    run: event.run,
    status,
    attempt: event.attempt,
    survived: mine !== null && mine.attempt > 1,
    model: event.model,
    text: "",
    reasoning: "",
    calls: [],
    usage: null,
    incomplete: null,
    at: event.at,
    ended_at: null,
    left_out: null,
    ...(event.agent ? { agent: event.agent } : {}),
  };
  const branch = mine?.branch ?? MAIN;
  const moved = readUpTo(withItem({ ...state, items }, of(step, branch)), branch, seq);
  if (mine === null || mine.retry_at === null) return moved;
  return { ...moved, run: { ...mine, code: null, detail: "", retry_at: null } };
}

function stepEnded(state: State, event: StepEnded): State {
  const held = state.items.findLast((item) => item.id === event.step);
  if (held?.kind !== "step") return state;
  const status = after(STEP, held.status, event);
  if (status === null) return state;
  if (event.type === "step.discarded")
    return { ...state, items: state.items.filter((item) => item !== held) };
  return withStep(state, event.step, (step) => {
    // Events of before reasoning was kept have no such field.
    const reasoning = event.reasoning ?? "";
    const ended: StepItem = { ...step, status, text: event.text, reasoning, ended_at: event.at };
    if (event.type === "step.stopped") return ended;
    const incomplete = event.incomplete ?? null;
    return { ...ended, calls: event.calls.map(proposed), usage: event.usage, incomplete };
  });
}

function proposed(call: ProposedCall): CallView {
  return {
    id: call.call,
    ordinal: call.ordinal,
    name: call.name,
    arguments: call.arguments,
    effect: call.effect,
    status: "proposed",
    attempt: 0,
    worker: "",
    progress: null,
    preview: "",
    size: 0,
    code: call.problem,
    by: "",
    approval: null,
    started_at: null,
    ended_at: null,
  };
}

function callChanged(state: State, event: CallEvent): State {
  return withStep(state, event.step, (step) => {
    const calls = step.calls.map((call) => (call.id === event.call ? moved(call, event) : call));
    return calls.every((call, index) => call === step.calls[index]) ? step : { ...step, calls };
  });
}

function moved(call: CallView, event: CallEvent): CallView {
  const status = after(CALL, call.status, event);
  if (status === null) return call;
  switch (event.type) {
    case "approval.asked": {
      const nobody = { decision: null, by: "", note: "", decided_at: null };
      const approval = { digest: event.digest, asked_at: event.at, ...nobody };
      return { ...call, status, approval };
    }
    case "approval.decided": {
      // Compare and set (rule W8): a late word, or one about something else, changes nothing.
      const asked = call.approval ?? null;
      if (asked === null || asked.decision !== null || asked.digest !== event.digest) return call;
      const { decision, by, note, at } = event;
      return { ...call, status, approval: { ...asked, decision, by, note, decided_at: at } };
    }
    case "call.started": {
      const { attempt, worker } = event;
      return {
        ...call,
        status,
        attempt,
        worker,
        progress: null,
        started_at: event.at,
        code: null,
      };
    }
    case "call.progress":
      return { ...call, progress: { fraction: event.fraction, note: event.note } };
    case "call.settled": {
      const { preview, size, code, by } = event;
      return { ...call, status, preview, size, code, by, ended_at: event.at };
    }
    case "call.in_doubt":
      return { ...call, status };
    case "call.retried":
      return { ...call, status, by: event.by };
  }
}

/** `item` at its place, which is nearly always the end. */
function withItem(state: State, item: Item): State {
  const after = state.items.findIndex((other) => other.seq >= item.seq);
  if (after < 0) return { ...state, items: [...state.items, item] };
  const replaced = state.items[after]?.seq === item.seq ? 1 : 0;
  return { ...state, items: state.items.toSpliced(after, replaced, item) };
}

function withStep(state: State, id: string, next: (step: StepItem) => StepItem): State {
  const at = state.items.findLastIndex((item) => item.id === id);
  const step = state.items[at];
  if (step?.kind !== "step") return state;
  const changed = next(step);
  return changed === step ? state : { ...state, items: state.items.with(at, changed) };
}

/** Of other branches only what is open, or waits, is held; it stands in no window and in no page. */
function withoutOthers(state: State): State {
  if (state.branches === undefined) return state;
  const items = state.items.filter((item) => onPath(state, item) || isOpen(item) || waits(state, item));
  return items.length === state.items.length ? state : { ...state, items };
}

function evict(all: State, before: State): Reduced {
  const state = withoutOthers(all);
  const there =
    state.branches === undefined ? state.items : state.items.filter((item) => onPath(state, item));
  const excess = there.length - WINDOW;
  if (excess <= 0 || state.items === before.items) return { state, evicted: NONE };
  const old = new Set(there.slice(0, excess).filter((item) => !isOpen(item)));
  if (old.size === 0) return { state, evicted: NONE };
  return { state: { ...state, items: state.items.filter((item) => !old.has(item)) }, evicted: [...old] };
}
