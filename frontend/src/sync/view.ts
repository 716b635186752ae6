// What the UI sees of one conversation, put together from the replica and the outbox. Pure but for what it remembers of
// the time before, so that what did not change keeps its identity.
import type { ConversationView } from "./api";
import type { Held } from "./core";
import type { Outbox } from "./outbox";
import type { Item, SnapshotPart } from "./protocol.gen";
import { known, merged, type Replica } from "./replica";
import { sameList, sameOr } from "./store";

const NONE: readonly Item[] = [];

/** The view of a conversation of which nothing is known. */
export function blank(id: string): ConversationView {
  return {
    id,
    phase: "opening",
    synced: false,
    info: null,
    run: null,
    stopping: false,
    items: NONE,
    branches: null,
    seen: null,
    pending: [],
    older: "none",
    gap: null,
  };
}

/** Makes the views of one conversation. */
export class Viewer {
  #items:
    | (Pick<Replica, "older" | "apart"> & { of: Replica["state"]["items"]; all: readonly Item[] })
    | null = null;
  #streamed: (Pick<Replica, "part" | "thought"> & { of: readonly Item[]; all: readonly Item[] }) | null =
    null;

  /** The view now; `before` itself when nothing differs. */
  view(
    before: ConversationView,
    held: Held | undefined,
    outbox: Outbox | null,
    paging: "loading" | "failed" | undefined,
  ): ConversationView {
    const { id } = before;
    const replica = held?.replica ?? null;
    const items = replica === null ? NONE : this.#shown(replica);
    const there = new Set(items.map((item) => item.id));
    const waiting = outbox?.messages(id).filter((message) => !there.has(message.id)) ?? [];
    const run = replica?.state.run ?? null;
    const branches = replica?.state.branches ?? null;
    const seen = replica?.state.seen ?? null;
    const active = run !== null && run.ended_at === null;
    return sameOr(before, {
      id,
      phase: phaseOf(held, outbox?.creating(id) ?? false),
      synced: held?.synced ?? false,
      info: replica?.state.info ?? null,
      run,
      stopping: active && (run.stopping || (outbox?.stopping(id) ?? false)),
      items,
      branches,
      seen,
      pending: sameList(before.pending, waiting),
      older: replica === null || (replica.apart?.first ?? replica.complete) ? "none" : (paging ?? "more"),
      gap: replica?.apart == null ? null : replica.floor,
    });
  }

  /** All items, the streaming step with the text and the reasoning that have arrived. */
  #shown({ older, state, part, thought, apart = null }: Replica): readonly Item[] {
    if (this.#items?.of !== state.items || this.#items.older !== older || this.#items.apart !== apart) {
      const live = known({ older, state });
      this.#items = { of: state.items, older, apart, all: apart ? merged(apart.items, live) : live };
    }
    const { all } = this.#items;
    if (this.#streamed?.of !== all || this.#streamed.part !== part || this.#streamed.thought !== thought) {
      const shown = withStreamed(withStreamed(all, part, "text"), thought, "reasoning");
      this.#streamed = { of: all, part, thought, all: shown };
    }
    return this.#streamed.all;
  }
}

function withStreamed(
  items: readonly Item[],
  part: SnapshotPart | null,
  field: "text" | "reasoning",
): readonly Item[] {
  if (part === null) return items;
  const at = items.findLastIndex((item) => item.id === part.message);
  const step = items[at];
  if (step?.kind !== "step" || step.status !== "streaming") return items;
  return items.with(at, { ...step, [field]: part.text });
}

function phaseOf(held: Held | undefined, creating: boolean): ConversationView["phase"] {
  if (creating) return "new";
  if (held?.gone) return "gone";
  return held?.replica == null ? "opening" : "live";
}
