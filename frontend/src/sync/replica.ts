// What the client holds of one conversation, and how frames move it (rules W1, W2, W4). Pure: each function
// returns the next replica and changes nothing.
import { moves, onPath } from "./branches";
import { parseCursor } from "./cursor";
import type { EventFrame, Item, Part, SessionState, SnapshotPart } from "./protocol.gen";
import { isOpen, reduce, type State, withWords } from "./reducer";

export interface Replica {
  readonly cursor: string;
  readonly state: State;
  /** The text that has arrived of the step that streams. Not an event, so no part of `state`. */
  readonly part: SnapshotPart | null;
  /** Its reasoning, likewise: `message` is the step. */
  readonly thought: SnapshotPart | null;
  /** Items that are older than the window, ascending: pages that were loaded, and what left the window. */
  readonly older: readonly Item[];
  /** Every item from this seq on is known. Only an open step may stand below it, alone. */
  readonly floor: number;
  /** Nothing stands below `floor`. */
  readonly complete: boolean;
  /** What was jumped to, below `floor`, with a hole between. */
  readonly apart?: Apart | null;
}

/** A stretch of older items that was jumped to (apart.ts). */
export interface Apart {
  readonly items: readonly Item[];
  /** Every item from this seq to `to` is here. */
  readonly from: number;
  readonly to: number;
  /** Nothing stands before them. */
  readonly first: boolean;
}

export type Applied = Replica | "stale" | "gap";

const NONE: readonly Item[] = [];
/** Behind a step's id: the name by which its reasoning streams. */
const THINKING = "/thinking";
/** `conversation.created` is event 1 and no item, so nothing can stand below 2. */
const FIRST = 2;

/** The replica that a snapshot makes (rule W1). Of `before` only settled older items survive, and only when no hole can be between. */
export function fromSnapshot(
  cursor: string,
  state: SessionState,
  streamed: SnapshotPart | null,
  before: Replica | null,
): Replica {
  const { part, thought } = streams(state, streamed, before);
  const there = state.items.filter((item) => onPath(state, item));
  const held = there.find((item) => !isOpen(item)) ?? there[0];
  const floor = held?.seq ?? FIRST;
  const kept = before === null ? null : olderThan(floor, cursor, state.items, before);
  if (kept === null) {
    const apart = keptApart(before, sameHistory(cursor, before), floor);
    return { cursor, state, part, thought, older: NONE, floor, complete: floor <= FIRST, apart };
  }
  const bottom = Math.min(floor, before?.floor ?? floor);
  const apart = keptApart(before, true, bottom);
  return {
    cursor,
    state,
    part,
    thought,
    older: kept,
    floor: bottom,
    complete: before?.complete === true,
    apart,
  };
}

/**
 * What streams, text and reasoning apart. A snapshot holds the one that came last; what was seen of the other stays as
 * long as its step streams.
 */
function streams(state: SessionState, streamed: SnapshotPart | null, before: Replica | null) {
  const open = state.items.findLast((item) => item.kind === "step" && item.status === "streaming")?.id;
  const seen = (held: SnapshotPart | null | undefined) => (held?.message === open ? held : null) ?? null;
  if (streamed?.message.endsWith(THINKING) !== true)
    return { part: streamed, thought: seen(before?.thought) };
  const message = streamed.message.slice(0, -THINKING.length);
  return { part: seen(before?.part), thought: { message, text: streamed.text } };
}

/** What was jumped to, in a replica that a snapshot makes anew; null: it is not known whether it still holds. */
function keptApart(before: Replica | null, sameEpoch: boolean, floor: number): Apart | null {
  const apart = before?.apart ?? null;
  return apart !== null && sameEpoch && apart.to < floor ? apart : null;
}

/** Whether what is at `cursor` goes on from what was held. */
function sameHistory(cursor: string, before: Replica | null): boolean {
  const was = before === null ? null : parseCursor(before.cursor);
  const is = parseCursor(cursor);
  if (was === null || is === null || was.epoch !== is.epoch) return false;
  return was.seq < is.seq || (was.seq === is.seq && was.tag === is.tag);
}

/** Items of `before` below `floor` that still hold, or null when they cannot be joined to the new window. */
function olderThan(
  floor: number,
  cursor: string,
  items: readonly Item[],
  before: Replica,
): readonly Item[] | null {
  const was = parseCursor(before.cursor);
  if (was === null || !sameHistory(cursor, before) || floor > was.seq + 1) return null;
  const shown = new Set(items.map((item) => item.id));
  const below = known(before).filter((item) => item.seq < floor && !shown.has(item.id));
  // An open step that the window no longer shows was settled or moved while nobody looked: what we have of it is old.
  return below.some(isOpen) ? null : below;
}

/** The replica after an event: `stale` when it is known already, `gap` when events between are missing (rule W2). */
export function withEvent(replica: Replica, frame: EventFrame): Applied {
  if (frame.prev !== replica.cursor) {
    const was = parseCursor(replica.cursor);
    const is = parseCursor(frame.cursor);
    return was !== null && is !== null && was.epoch === is.epoch && is.seq <= was.seq ? "stale" : "gap";
  }
  // Another branch is shown: what is on it comes with a snapshot, and until then what was shown stays.
  if (moves(frame.event)) return "gap";
  const { state, evicted } = reduce(replica.state, frame.event, frame.seq);
  // An open step that stood alone below the floor leaves altogether: between it and the floor is a hole.
  const left = evicted.filter((item) => item.seq >= replica.floor);
  const held = left.length === 0 ? replica.older : merged(replica.older, left);
  const older = olderAfter(held, frame);
  const apart =
    replica.apart == null ? null : { ...replica.apart, items: olderAfter(replica.apart.items, frame) };
  const part = partAfter(replica.part, frame);
  const thought = partAfter(replica.thought, frame);
  return {
    ...replica,
    cursor: frame.cursor,
    state,
    part,
    thought,
    older,
    apart: sameApart(replica.apart, apart),
  };
}

/** The one that was there, if nothing in it has changed. */
function sameApart(before: Apart | null | undefined, after: Apart | null): Apart | null {
  return before != null && before.items === after?.items ? before : after;
}

/** Pages that were loaded, after a person has changed one of their messages. */
function olderAfter(older: readonly Item[], { event }: EventFrame): readonly Item[] {
  if (event.type !== "message.edited") return older;
  const at = older.findIndex((item) => item.id === event.message);
  const item = older[at];
  return item?.kind === "message" ? older.with(at, withWords(item, event)) : older;
}

function partAfter(part: SnapshotPart | null, { event }: EventFrame): SnapshotPart | null {
  switch (event.type) {
    case "step.started":
      return null;
    case "step.finished":
    case "step.stopped":
    case "step.discarded":
      return part?.message === event.step ? null : part;
    default:
      return part;
  }
}

/** The replica after a piece of streaming text: overlap is trimmed; a hole, or another text, is a `gap` (rule W4). */
export function withPart(replica: Replica, { message: name, offset, text }: Part): Applied {
  const slot = name.endsWith(THINKING) ? "thought" : "part";
  const message = slot === "part" ? name : name.slice(0, -THINKING.length);
  const step = replica.state.items.findLast((item) => item.id === message);
  if (step?.kind !== "step" || step.status !== "streaming") return "stale";
  const held = replica[slot];
  const had = held?.message === message ? held.text : "";
  if (offset > had.length) return "gap";
  const overlap = Math.min(had.length - offset, text.length);
  if (overlap > 0 && !had.startsWith(text.slice(0, overlap), offset)) return "gap";
  if (overlap === text.length) return "stale";
  return { ...replica, [slot]: { message, text: had + text.slice(overlap) } };
}

/**
 * The replica with a page of older items that was asked for with `before`; `stale` when the page does not fit: it was
 * asked for at another place, or shows a step as open that the window no longer holds, so it is older than the window.
 */
export function withPage(replica: Replica, before: number, items: readonly Item[], more: boolean): Applied {
  if (before !== replica.floor) return "stale";
  const shown = new Set(replica.state.items.map((item) => item.id));
  const fresh = items.filter((item) => item.seq < before && !shown.has(item.id));
  if (fresh.some(isOpen)) return "stale";
  const floor = items.reduce((lowest, item) => Math.min(lowest, item.seq), before);
  const complete = !more || floor <= FIRST;
  return { ...replica, older: merged(replica.older, fresh), floor, complete };
}

/** All items that the replica knows, ascending. */
export function known(replica: {
  older: readonly Item[];
  state: Pick<State, "items" | "branches">;
}): readonly Item[] {
  const { items, branches } = replica.state;
  // What the state holds of other branches is not shown.
  const shown = branches === undefined ? items : items.filter((item) => onPath({ branches }, item));
  return merged(replica.older, shown);
}

/** Two ascending lists as one; where both have a seq, `newer` wins. */
export function merged(older: readonly Item[], newer: readonly Item[]): readonly Item[] {
  if (older.length === 0) return newer;
  if (newer.length === 0) return older;
  const last = older.at(-1);
  if (last !== undefined && newer[0] !== undefined && last.seq < newer[0].seq) return [...older, ...newer];
  const bySeq = new Map(older.map((item) => [item.seq, item]));
  for (const item of newer) bySeq.set(item.seq, item);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
