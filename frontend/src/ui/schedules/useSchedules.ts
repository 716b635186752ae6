import { useCallback, useEffect, useState } from "react";
import { HttpError, type Problem, type ScheduleList } from "../../sync";
import { useClient } from "../client";

/** Between two looks, while the list is shown (ms): runs begin and end by themselves. */
const EVERY_MS = 4_000;

export interface SchedulesState {
  /** null: nothing has come yet. */
  list: ScheduleList | null;
  /** Why the last look failed; what is shown may be old then. */
  problem: Problem | null;
  refresh: () => void;
}

/** The schedules of the user, kept up to date while the component is mounted and the page is visible. */
export function useSchedules(): SchedulesState {
  const { schedules } = useClient();
  const [list, setList] = useState<ScheduleList | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const refresh = useCallback(() => {
    schedules.list().then(
      (found) => {
        setList(found);
        setProblem(null);
      },
      (failure) => setProblem(problemOf(failure)),
    );
  }, [schedules]);
  useEffect(() => {
    refresh();
    const timer = setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  return { list, problem, refresh };
}

/** What went wrong with a request, whatever was thrown. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof HttpError) return failure.problem;
  return { code: "bad_answer", status: 0, detail: String(failure), retry: true };
}
