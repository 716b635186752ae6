import { useCallback, useEffect, useState } from "react";
import type { Problem } from "../../sync";
import { problemOf } from "./trouble";

/** Between two looks while something is shown (ms): runs begin and end by themselves. */
const EVERY_MS = 4_000;

export interface Polled<T> {
  /** null: nothing has come yet. */
  value: T | null;
  /** Why the last look failed; what is shown may be old then. */
  problem: Problem | null;
  refresh: () => void;
}

/** What `ask` answers, kept up to date while the component is mounted and the page is visible. `ask` must be stable. */
export function usePolled<T>(ask: () => Promise<T>): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const refresh = useCallback(() => {
    ask().then(
      (found) => {
        setValue(found);
        setProblem(null);
      },
      (failure) => setProblem(problemOf(failure)),
    );
  }, [ask]);
  useEffect(() => {
    refresh();
    const timer = setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  return { value, problem, refresh };
}
