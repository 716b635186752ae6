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

/** The time of `clock` (ms), rounded down to `grain`, looked at again twice a second while `active`. */
export function useNow(clock: () => number, active = true, grain = 1000): number {
  const read = useCallback(() => Math.floor(clock() / grain) * grain, [clock, grain]);
  return useSyncExternalStore(active ? subscribe : never, read);
}
