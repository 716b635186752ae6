// What may follow what, by the tables that are generated from agents/lifecycle.py, and which events this release knows.
import { type AnyEvent, EVENT_VERSIONS } from "./protocol.gen";

interface Row {
  readonly states: readonly string[];
  readonly to: string | null | Readonly<Record<string, string>>;
  readonly by: string;
}

/**
 * The state of a run, step or call after `event`, or null if the event does not fit the state it is in: it changes
 * nothing then. `table` is one of the generated tables, `state` is "new" for what does not exist yet.
 */
export function after<S extends string>(
  table: Readonly<Record<string, Row>>,
  state: S | "new",
  event: AnyEvent,
): S | null {
  const row = table[event.type];
  if (row === undefined || !row.states.includes(state)) return null;
  if (row.to === null) return state as S;
  if (typeof row.to === "string") return row.to as S;
  const word: unknown = (event as unknown as Record<string, unknown>)[row.by];
  return typeof word === "string" && Object.hasOwn(row.to, word) ? (row.to[word] as S) : null;
}

/** Whether this release can read an event: its type is known, and its version no later than ours (rule J3). */
export function known(event: { type: string; v?: number }): boolean {
  const versions: Readonly<Record<string, number>> = EVENT_VERSIONS;
  const newest = Object.hasOwn(versions, event.type) ? versions[event.type] : undefined;
  return newest !== undefined && (event.v ?? 1) <= newest;
}
