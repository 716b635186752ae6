import { useCallback, useEffect } from "react";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { said, Trouble } from "../pages/trouble";
import { useHistory } from "../pages/useHistory";
import { RunState } from "./RunState";

/** What became of each due time of a schedule, newest first. `looked` grows when something was done that it shows. */
export function History({ id, zone, looked }: { id: string; zone: string; looked: number }) {
  const { schedules } = useClient();
  const words = useWords();
  const ask = useCallback((before?: number) => schedules.history(id, before), [schedules, id]);
  const { rows, more, problem, older, look } = useHistory(ask, ({ due }) => due);
  useEffect(() => {
    if (looked > 0) look();
  }, [looked, look]);
  return (
    <>
      <Trouble text={problem && said(problem, words)} />
      {rows === null && !problem && <p className="text-sm text-ink-2">{words.t("app.loading")}</p>}
      {rows?.length === 0 && <p className="text-sm text-ink-2">{words.t("schedule.no_history")}</p>}
      <ol className="divide-y divide-line">
        {rows?.map((run) => (
          <li
            key={run.id}
            className="py-2.5 text-sm"
            data-testid="schedule-run"
            data-state={run.state}
            data-outcome={run.outcome}
          >
            <RunState run={run} zone={zone} />
          </li>
        ))}
      </ol>
      {more && (
        <button type="button" className="button small mt-2" onClick={older}>
          {words.t("list.more")}
        </button>
      )}
    </>
  );
}
