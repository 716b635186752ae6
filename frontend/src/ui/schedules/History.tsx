import { useCallback, useEffect, useState } from "react";
import type { ScheduleRun } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { said } from "./List";
import { RunState } from "./RunState";
import { problemOf } from "./useSchedules";

interface Props {
  id: string;
  zone: string;
  onGo: (conversation: string) => void;
}

/** What became of each due time of a schedule, newest first. */
export function History({ id, zone, onGo }: Props) {
  const { schedules } = useClient();
  const words = useWords();
  const [runs, setRuns] = useState<readonly ScheduleRun[] | null>(null);
  const [more, setMore] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const load = useCallback(
    (known: readonly ScheduleRun[]) => {
      setFailed(null);
      schedules.history(id, known.at(-1)?.due).then(
        (page) => {
          setRuns([...known, ...page.firings]);
          setMore(page.more);
        },
        (failure) => setFailed(said(problemOf(failure), words)),
      );
    },
    [schedules, id, words],
  );
  useEffect(() => load([]), [load]);
  return (
    <div className="p-4">
      {failed && (
        <p role="alert" className="mb-3 text-sm text-danger">
          {failed}
        </p>
      )}
      {runs === null && !failed && <p className="text-sm text-ink-2">{words.t("app.loading")}</p>}
      {runs?.length === 0 && <p className="text-sm text-ink-2">{words.t("schedule.no_history")}</p>}
      <ol className="divide-y divide-line">
        {runs?.map((run) => (
          <li
            key={run.id}
            className="py-2.5 text-sm"
            data-testid="schedule-run"
            data-state={run.state}
            data-outcome={run.outcome}
          >
            <RunState run={run} zone={zone} onGo={onGo} />
          </li>
        ))}
      </ol>
      {more && (
        <button type="button" className="button small mt-2" onClick={() => load(runs ?? [])}>
          {words.t("list.more")}
        </button>
      )}
    </div>
  );
}
