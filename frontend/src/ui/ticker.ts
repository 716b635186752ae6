import { useCallback, useSyncExternalStore } from "react";

/** One timer for everything that counts seconds, running only while somebody looks. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;
const STEP = 500;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, STEP);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

const never = () => () => {};

/**
 * The time of `clock` (ms), looked at again twice a second while `active`. It moves in steps of `grain` from `origin`:
 * count from where something began, and its seconds change when they are full.
 */
export function useNow(clock: () => number, active = true, grain = 1000, origin = 0): number {
  const read = useCallback(
    () => Math.floor((clock() - origin) / grain) * grain + origin,
    [clock, grain, origin],
  );
  return useSyncExternalStore(active ? subscribe : never, read);
}
