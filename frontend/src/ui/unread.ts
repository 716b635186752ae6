// Which conversations have something new for who reads here. On this device: when they were last looked at, and nothing of
// what they say.
import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { ListEntry } from "../sync";
import { isActiveStatus } from "./view";

/** Conversations that are remembered; older ones count as read. */
const MAX_SEEN = 500;

interface Seen {
  /** What changed before this was never new here (ms, server's clock). */
  since: number;
  at: Readonly<Record<string, number>>;
}

const listeners = new Set<() => void>();
let kept: { key: string; text: string | null; seen: Seen } | null = null;

const keyOf = (user: string): string => `hf.seen.${encodeURIComponent(user)}`;

function readText(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return kept?.key === key ? kept.text : null;
  }
}

function read(user: string, now: number): Seen {
  const key = keyOf(user);
  const text = readText(key);
  if (kept?.key === key && kept.text === text && text !== null) return kept.seen;
  const seen = parse(text) ?? { since: now, at: {} };
  // Nobody is told: this is asked while something is drawn.
  if (parse(text) === null) keep(key, seen);
  else kept = { key, text, seen };
  return kept?.seen ?? seen;
}

function write(user: string, seen: Seen): void {
  keep(keyOf(user), seen);
  for (const listener of listeners) listener();
}

function keep(key: string, seen: Seen): void {
  const newest = Object.entries(seen.at).sort(([, a], [, b]) => b - a);
  const dropped = newest[MAX_SEEN];
  const at = Object.fromEntries(newest.slice(0, MAX_SEEN));
  const whole = { since: Math.max(seen.since, dropped?.[1] ?? 0), at };
  const text = JSON.stringify(whole);
  kept = { key, text, seen: whole };
  try {
    localStorage.setItem(key, text);
  } catch {
    // No room: marks last as long as the tab.
  }
}

function parse(text: string | null): Seen | null {
  try {
    const { since, at } = JSON.parse(text ?? "") as Partial<Seen>;
    return typeof since === "number" && typeof at === "object" && at !== null ? { since, at } : null;
  } catch {
    return null;
  }
}

/** Whether something has come to an end, or waits for a person, since it was last looked at. */
export function isUnread(entry: ListEntry, seen: Seen): boolean {
  if (entry.pending || entry.run_status === null) return false;
  if (isActiveStatus(entry.run_status) && entry.run_status !== "waiting") return false;
  return entry.updated_at > Math.max(seen.since, seen.at[entry.id] ?? 0);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

/** What was looked at by this user on this device, and how to note it. `clock`: the server's. */
export function useSeen(user: string, clock: () => number): [Seen, (id: string, at: number) => void] {
  const read1 = useCallback(() => read(user, clock()), [user, clock]);
  const seen = useSyncExternalStore(subscribe, read1);
  const look = useCallback(
    (id: string, at: number) => {
      const before = read(user, clock());
      if ((before.at[id] ?? 0) < at) write(user, { ...before, at: { ...before.at, [id]: at } });
    },
    [user, clock],
  );
  return useMemo(() => [seen, look], [seen, look]);
}
