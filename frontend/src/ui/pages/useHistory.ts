import { useCallback, useEffect, useRef, useState } from "react";
import type { Problem } from "../../sync";
import { problemOf } from "./trouble";

/** Between two looks at what is newest (ms). */
const EVERY_MS = 4_000;

interface Paged<T> {
  firings: readonly T[];
  more: boolean;
}

/**
 * A history, newest first: its first page is kept up to date, older pages come when they are asked for. `ask(before)` must be
 * stable; `placeOf` says where a row stands, which is before all older ones.
 */
export function useHistory<T extends { id: string | number }>(
  ask: (before?: number) => Promise<Paged<T>>,
  placeOf: (row: T) => number,
) {
  const [rows, setRows] = useState<readonly T[] | null>(null);
  const [more, setMore] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const place = useRef(placeOf);
  const look = useCallback(() => {
    ask().then(
      (page) => {
        setProblem(null);
        setRows((known) => {
          const last = page.firings.at(-1);
          const end = last === undefined ? Number.POSITIVE_INFINITY : place.current(last);
          // What was loaded beyond the first page stays below it.
          const older = (known ?? []).filter((row) => place.current(row) < end);
          if (older.length === 0) setMore(page.more);
          return [...page.firings, ...older];
        });
      },
      (failure) => setProblem(problemOf(failure)),
    );
  }, [ask]);
  useEffect(() => {
    setRows(null);
    look();
    const timer = setInterval(() => document.visibilityState === "visible" && look(), EVERY_MS);
    return () => clearInterval(timer);
  }, [look]);
  const older = () => {
    const last = rows?.at(-1);
    if (last === undefined) return;
    ask(place.current(last)).then(
      (page) => {
        setRows((known) => [...(known ?? []), ...page.firings]);
        setMore(page.more);
      },
      (failure) => setProblem(problemOf(failure)),
    );
  };
  return { rows, more, problem, older, look };
}
