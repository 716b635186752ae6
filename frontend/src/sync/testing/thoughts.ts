// What a simulated person thinks better of: an answer that is to be made anew, words that should have been others, another
// branch to look at. Decided from what is shown alone; `clients.ts` does it.
import type { ConversationView } from "../api";
import { MAIN } from "../branches";
import type { Item, MessageItem } from "../protocol.gen";

export type Thought =
  | { what: "try again"; item: string }
  /** Other words in the place of a message: on a branch of their own, or where it stands. */
  | { what: "rewrite" | "edit"; message: MessageItem }
  | { what: "withdraw"; message: string }
  | { what: "choose"; branch: string };

/** What somebody does who looks at this; null: there is nothing to think better of. `random`: from 0 to 1, exclusive. */
export function secondThought(view: ConversationView, random: () => number): Thought | null {
  const active = view.run !== null && view.run.ended_at === null;
  const luck = random();
  if (active) {
    // What stands behind the newest answer waits, as it seems.
    const answered = view.items.findLastIndex(({ kind }) => kind === "step");
    const waiting = one(messages(view.items.slice(answered + 1)), random);
    if (waiting === null) return null;
    return luck < 0.5 ? { what: "edit", message: waiting } : { what: "withdraw", message: waiting.id };
  }
  if (luck < 0.35) {
    const answer = one(
      view.items.filter(({ kind }) => kind === "step" || kind === "notice").slice(-6),
      random,
    );
    return answer === null ? null : { what: "try again", item: answer.id };
  }
  if (luck < 0.65) return of("rewrite", one(messages(view.items).slice(-4), random));
  if (luck < 0.75) return of("edit", one(messages(view.items).slice(-4), random));
  return otherBranch(view, random);
}

/** Another branch than the one that is shown: one of a fork that is in sight, or any. */
export function otherBranch(view: ConversationView, random: () => number): Thought | null {
  if (view.branches === null) return null;
  const { shown, forks, all } = view.branches;
  const near = forks.flatMap(({ ways }) => ways);
  const known = random() < 0.7 ? near : [MAIN, ...all.map(({ id }) => id)];
  const branch = one(
    known.filter((id) => id !== shown),
    random,
  );
  return branch === null ? null : { what: "choose", branch };
}

function of(what: "rewrite" | "edit", message: MessageItem | null): Thought | null {
  return message === null ? null : { what, message };
}

function messages(items: readonly Item[]): MessageItem[] {
  return items.filter((item): item is MessageItem => item.kind === "message");
}

function one<T>(from: readonly T[], random: () => number): T | null {
  return from[Math.floor(random() * from.length)] ?? null;
}
