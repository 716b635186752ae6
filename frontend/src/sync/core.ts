// The protocol of the shown conversations, without a socket and without a clock of its own (rules W1–W4): server frames
// and times go in, client frames come out. The link (socket.ts) calls `up` after `welcome` and `down` when it is lost.
import { backoff } from "./backoff";
import { parseCursor } from "./cursor";
import type { ClientFrame, EventFrame, Part, ServerFrame, Snapshot } from "./protocol.gen";
import { type Applied, fromSnapshot, type Replica, withEvent, withPage, withPart } from "./replica";

/** A head that was announced must be reached within this (rule W3). */
const REACH_MS = 2_000;
/** An `open` must be answered, or the next piece be there, within this: half a megabyte over a slow link. */
const ANSWER_MS = 15_000;
/** Resyncs of one conversation within `CALM_MS` that happen at once; further ones wait. Each other branch that somebody
 * looks at brings one, as a new epoch: a person goes through several of them. */
const QUICK = 3;
const QUICK_EPOCHS = 15;
const CALM_MS = 10_000;
/** Cursors that are remembered as passed, so that a heartbeat overtaken by events is not taken for a dead branch. */
const PASSED = 256;

/** Frames that concern shown conversations. */
export type CoreFrame = Extract<
  ServerFrame,
  { type: "snapshot" | "event" | "part" | "synced" | "heartbeat" | "resync" | "gone" | "error" }
>;

type Phase =
  /** Not asked for on this link, or asked for again at `at`. */
  | { kind: "waiting"; at: number }
  /** `open` was sent and must be answered by `until`. `from` a cursor: what comes may continue what we have. */
  | { kind: "asked"; until: number; from: "cursor" | "nothing" }
  /** The server says that everything up to the cursor is here. */
  | { kind: "synced" };

/** One conversation as the core holds it. */
export interface Held {
  readonly replica: Replica | null;
  readonly synced: boolean;
  readonly gone: boolean;
}

interface Slot {
  replica: Replica | null;
  gone: boolean;
  phase: Phase;
  /** The head that must be reached by `until`. */
  due: { head: string; until: number } | null;
  passed: string[];
  /** Heartbeats in a row that did not name it. */
  unheard: number;
  pieces: Snapshot[];
  /** Times of the latest resyncs, and of those for a new epoch. */
  resyncs: number[];
  epochs: number[];
}

export class Core {
  #slots = new Map<string, Slot>();
  #up = false;
  #changed = new Set<string>();

  /** `now` in ms, monotonic enough; `random` in [0, 1). */
  constructor(
    private readonly now: () => number,
    private readonly random: () => number,
  ) {}

  /** What is known of a conversation; undefined when it is not open. */
  held(conversation: string): Held | undefined {
    const slot = this.#slots.get(conversation);
    if (slot === undefined) return undefined;
    return { replica: slot.replica, synced: this.#up && slot.phase.kind === "synced", gone: slot.gone };
  }

  /** The conversations that are open here. */
  get shown(): string[] {
    return [...this.#slots.keys()];
  }

  /** The conversations that changed since this was last asked. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** The link is there and greeted. */
  up(): ClientFrame[] {
    this.#up = true;
    return [...this.#slots].flatMap(([id, slot]) => this.#ask(id, slot, slot.replica?.cursor));
  }

  /** The link is lost: what is shown stays, but it may be behind. */
  down(): void {
    this.#up = false;
    for (const [id, slot] of this.#slots) {
      slot.phase = { kind: "waiting", at: Number.POSITIVE_INFINITY };
      slot.due = null;
      slot.pieces = [];
      slot.resyncs = [];
      slot.epochs = [];
      this.#changed.add(id);
    }
  }

  /** Show this conversation from now on. */
  open(conversation: string): ClientFrame[] {
    if (this.#slots.has(conversation)) return [];
    const phase: Phase = { kind: "waiting", at: Number.POSITIVE_INFINITY };
    const slot: Slot = {
      replica: null,
      gone: false,
      phase,
      due: null,
      passed: [],
      unheard: 0,
      pieces: [],
      resyncs: [],
      epochs: [],
    };
    this.#slots.set(conversation, slot);
    this.#changed.add(conversation);
    return this.#ask(conversation, slot, undefined);
  }

  /** Show it no more, and forget what was held of it. */
  close(conversation: string): ClientFrame[] {
    if (!this.#slots.delete(conversation)) return [];
    this.#changed.add(conversation);
    return this.#up ? [{ type: "close", conversation }] : [];
  }

  /** An older page has come over HTTP; `before` is the floor it was asked for with. False: it does not fit. */
  page(conversation: string, before: number, items: Replica["older"], more: boolean): boolean {
    return this.place(conversation, (replica) => withPage(replica, before, items, more));
  }

  /** Something has come over HTTP for what was held then. False: it does not fit any more. */
  place(conversation: string, put: (replica: Replica) => Applied): boolean {
    const slot = this.#slots.get(conversation);
    if (slot?.replica == null) return false;
    const applied = put(slot.replica);
    if (typeof applied === "string") return false;
    slot.replica = applied;
    this.#changed.add(conversation);
    return true;
  }

  receive(frame: CoreFrame): ClientFrame[] {
    if (frame.type === "heartbeat") {
      return [...this.#slots].flatMap(([id, slot]) => this.#heard(id, slot, frame.heads[id]));
    }
    const slot = frame.conversation === null ? undefined : this.#slots.get(frame.conversation);
    if (slot === undefined || frame.conversation === null) return [];
    switch (frame.type) {
      case "snapshot":
        return this.#snapshot(slot, frame);
      case "event":
        return this.#apply(slot, frame, (replica) => withEvent(replica, frame));
      case "part":
        return this.#apply(slot, frame, (replica) => withPart(replica, frame));
      case "synced":
        return this.#synced(frame.conversation, slot, frame.cursor);
      case "resync":
        return this.#resync(frame.conversation, slot, frame.reason === "epoch");
      case "gone":
        slot.gone = true;
        slot.phase = { kind: "waiting", at: Number.POSITIVE_INFINITY };
        slot.due = null;
        this.#changed.add(frame.conversation);
        return [];
      case "error":
        // The server could not show it now. It says no more of it, so we ask again.
        if (slot.phase.kind === "asked")
          slot.phase = { kind: "waiting", at: this.now() + this.#pause(slot.resyncs.length - QUICK) };
        return [];
      default:
        // A frame that a newer server knows: it cannot be needed, or the server would not have welcomed us.
        return [];
    }
  }

  /** When `tick` wants to be called, by the clock of `now`; null: not before the next frame. */
  nextTick(): number | null {
    if (!this.#up) return null;
    let next = Number.POSITIVE_INFINITY;
    for (const { phase, due } of this.#slots.values()) {
      if (phase.kind === "waiting") next = Math.min(next, phase.at);
      if (phase.kind === "asked") next = Math.min(next, phase.until);
      if (due !== null) next = Math.min(next, due.until);
    }
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** Time has passed. */
  tick(): ClientFrame[] {
    if (!this.#up) return [];
    const now = this.now();
    return [...this.#slots].flatMap(([id, slot]) => {
      const { phase, due } = slot;
      if (phase.kind === "waiting") return phase.at <= now ? this.#ask(id, slot, undefined) : [];
      if (phase.kind === "asked" && phase.until <= now) return this.#resync(id, slot);
      if (due === null || due.until > now) return [];
      return this.#resync(id, slot);
    });
  }

  #snapshot(slot: Slot, frame: Snapshot): ClientFrame[] {
    const { conversation, cursor, piece, pieces, part } = frame;
    const first = slot.pieces[0];
    if (piece === 1) slot.pieces = [frame];
    else if (first?.cursor === cursor && slot.pieces.length === piece - 1) slot.pieces.push(frame);
    else slot.pieces = [];
    // A long snapshot is progress; the time for the answer runs from its last piece.
    if (slot.phase.kind === "asked") slot.phase = { ...slot.phase, until: this.now() + ANSWER_MS };
    if (slot.pieces.length < pieces) return [];
    const state = { ...frame.state, items: slot.pieces.flatMap((got) => got.state.items) };
    slot.pieces = [];
    slot.replica = fromSnapshot(cursor, state, part, slot.replica);
    slot.gone = false;
    slot.passed = [cursor];
    if (slot.due !== null && this.#reached(slot, slot.due.head)) slot.due = null;
    this.#changed.add(conversation);
    return [];
  }

  #apply(slot: Slot, frame: EventFrame | Part, next: (replica: Replica) => Applied): ClientFrame[] {
    const applied = slot.replica === null ? "gap" : next(slot.replica);
    if (applied === "stale") return [];
    if (applied === "gap") {
      // While a snapshot is on its way there is nothing to complain about.
      const { phase } = slot;
      const relied = phase.kind === "synced" || (phase.kind === "asked" && phase.from === "cursor");
      return relied ? this.#resync(frame.conversation, slot) : [];
    }
    slot.replica = applied;
    if (slot.passed.at(-1) !== applied.cursor) {
      slot.passed.push(applied.cursor);
      if (slot.passed.length > PASSED * 2) slot.passed = slot.passed.slice(-PASSED);
    }
    if (slot.due !== null && this.#reached(slot, slot.due.head)) slot.due = null;
    this.#changed.add(frame.conversation);
    return [];
  }

  #synced(conversation: string, slot: Slot, cursor: string): ClientFrame[] {
    if (!this.#reached(slot, cursor)) return this.#resync(conversation, slot);
    slot.phase = { kind: "synced" };
    slot.unheard = 0;
    this.#changed.add(conversation);
    return [];
  }

  #heard(conversation: string, slot: Slot, head: string | undefined): ClientFrame[] {
    // Before `synced` the heartbeat may have overtaken the snapshot; the time for the answer runs anyway.
    if (slot.phase.kind !== "synced") return [];
    if (head === undefined) {
      // Once: its head could not be read. Twice: the server no longer shows it to us, and we missed that.
      slot.unheard += 1;
      return slot.unheard >= 2 ? this.#resync(conversation, slot) : [];
    }
    slot.unheard = 0;
    if (this.#reached(slot, head)) slot.due = null;
    else slot.due ??= { head, until: this.now() + REACH_MS };
    return [];
  }

  /** Whether the replica stands at `cursor`, or passed it on the way. */
  #reached(slot: Slot, cursor: string): boolean {
    return slot.replica?.cursor === cursor || slot.passed.includes(cursor);
  }

  /** Ask for a snapshot: at once, unless that has been tried too often lately. */
  #resync(conversation: string, slot: Slot, epoch = false): ClientFrame[] {
    const now = this.now();
    const lately = [...(epoch ? slot.epochs : slot.resyncs).filter((at) => at > now - CALM_MS), now];
    if (epoch) slot.epochs = lately;
    else slot.resyncs = lately;
    slot.due = null;
    slot.pieces = [];
    this.#changed.add(conversation);
    const over = lately.length - (epoch ? QUICK_EPOCHS : QUICK);
    if (over <= 0) return this.#ask(conversation, slot, undefined);
    slot.phase = { kind: "waiting", at: now + this.#pause(over) };
    return [];
  }

  #pause(over: number): number {
    return 500 + backoff(Math.max(0, over) + 1, this.random());
  }

  #ask(conversation: string, slot: Slot, cursor: string | undefined): ClientFrame[] {
    if (!this.#up || slot.gone) return [];
    const known = cursor !== undefined && parseCursor(cursor) !== null;
    slot.phase = { kind: "asked", until: this.now() + ANSWER_MS, from: known ? "cursor" : "nothing" };
    slot.due = null;
    return [known ? { type: "open", conversation, cursor } : { type: "open", conversation }];
  }
}
