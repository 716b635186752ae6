// Branches in a state: what stands on the one that is shown, and what waits on any. The twin of chat/session/paths.py; the
// path itself is made by the server, in one place, and comes with the snapshot.
import type { AnyEvent, BranchesView, Item, RunView } from "./protocol.gen";
import type { State } from "./state";

/** The branch that every conversation begins with. */
export const MAIN = "";

type BranchContinued = Extract<AnyEvent, { type: "branch.continued" }>;

/** Whether an event shows another branch: its items are not here, a snapshot brings them. */
export function moves(event: AnyEvent): boolean {
  return event.type === "branch.opened" || event.type === "branch.chosen";
}

function branchOf(item: { branch?: string }): string {
  return item.branch ?? MAIN;
}

/** Whether an item stands on the branch that is shown. */
export function onPath({ branches }: Pick<State, "branches">, item: Item): boolean {
  if (branches === undefined) return true;
  const branch = branchOf(item);
  return branches.path.some(
    (segment) => segment.branch === branch && (segment.below === null || item.seq < segment.below),
  );
}

/** An item of this branch; those of the first one say nothing of it. */
export function marked<T extends Item>(item: T, branch: string): T {
  return branch === MAIN ? item : { ...item, branch };
}

/** Whether an item is a message that no request has had yet, in a conversation with branches. */
export function waits({ seen }: Pick<State, "seen">, item: Item): boolean {
  return item.kind === "message" && item.seq > (seen?.seen[branchOf(item)] ?? 0);
}

/** The state when a request has had all that stands on a branch up to `seq`. */
export function readUpTo(state: State, branch: string, seq: number): State {
  const { seen } = state;
  if (seen === undefined || (seen.seen[branch] ?? 0) >= seq) return state;
  return { ...state, seen: { seen: { ...seen.seen, [branch]: seq } } };
}

/** A run that begins, on the branch that is shown until its own is said. */
export function queuedOn(state: State, run: RunView): State {
  const shown = state.branches?.shown ?? MAIN;
  return caused({ ...state, run: on(run, shown) }, run.cause, shown);
}

export function continued(state: State, event: BranchContinued): State {
  const { run, branches } = state;
  if (run === null || run.id !== event.run || branches === undefined || !knows(branches, event.branch)) {
    return state;
  }
  const moved = on(run, event.branch);
  const next = event.agent === "" ? moved : { ...moved, agent: event.agent };
  return caused({ ...state, run: next }, run.cause, event.branch);
}

function knows(branches: BranchesView, id: string): boolean {
  return id === MAIN || branches.all.some((branch) => branch.id === id);
}

function on(run: RunView, branch: string): RunView {
  if (branch !== MAIN) return { ...run, branch };
  const { branch: _, ...first } = run;
  return first;
}

function caused(state: State, cause: string, branch: string): State {
  const item = state.items.find(
    (one) => one.kind === "message" && one.id === cause && branchOf(one) === branch,
  );
  return item === undefined ? state : readUpTo(state, branch, item.seq);
}
