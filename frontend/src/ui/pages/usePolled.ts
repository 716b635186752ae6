import { useCallback, useEffect, useRef, useState } from "react";
import type { Problem } from "../../sync";
import { problemOf } from "./trouble";

/** Between two looks while something is shown (ms): runs begin and end by themselves. */
const EVERY_MS = 4_000;

export interface Polled<T> {
  /** null: nothing has come yet. */
  value: T | null;
  /** Why the last look failed; what is shown may be old then. */
  problem: Problem | null;
  /** Look again, because something was changed: looks that began before it count no more. */
  refresh: () => void;
  /** Change what is shown at once, until the next look. */
  update: (change: (value: T) => T) => void;
}

/** What `ask` answers, kept up to date while the component is mounted and the page is visible. `ask` must be stable. */
export function usePolled<T>(ask: () => Promise<T>): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  // Looks by number: the last that began, and the last whose answer is shown or that is too old to be.
  const begun = useRef(0);
  const shown = useRef(0);
  const look = useCallback(() => {
    begun.current += 1;
    const mine = begun.current;
    const show = (then: () => void) => {
      if (mine <= shown.current) return;
      shown.current = mine;
      then();
    };
    ask().then(
      (found) =>
        show(() => {
          setValue(found);
          setProblem(null);
        }),
      (failure) => show(() => setProblem(problemOf(failure))),
    );
  }, [ask]);
  const refresh = useCallback(() => {
    shown.current = begun.current;
    look();
  }, [look]);
  const update = useCallback(
    (change: (value: T) => T) => setValue((value) => (value === null ? null : change(value))),
    [],
  );
  useEffect(() => {
    refresh();
    const timer = setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
    return () => clearInterval(timer);
  }, [refresh, look]);
  return { value, problem, refresh, update };
}
