import { Pause, Pencil, Play, Trash2, Zap } from "lucide-react";
import { useState } from "react";
import type { ScheduleEntry } from "../../sync";
import { useAgentName, useClient } from "../client";
import { useWords } from "../i18n";
import { PageLink } from "../pages/PageLink";
import { problemOf, said, Trouble } from "../pages/trouble";
import { Confirm } from "../parts/Confirm";
import { History } from "./History";
import { Standing } from "./List";
import { moment, timing } from "./when";

interface Props {
  entry: ScheduleEntry;
  onChanged: () => void;
  onRemoved: () => void;
}

/** One schedule: how it stands, what can be done with it, and what became of each of its times. */
export function ScheduleDetail({ entry, onChanged, onRemoved }: Props) {
  const words = useWords();
  const { schedules } = useClient();
  const agent = useAgentName(entry.agent);
  const [failed, setFailed] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const [looked, setLooked] = useState(0);
  const act = (work: Promise<unknown>, then = onChanged) => {
    setFailed(null);
    work.then(
      () => {
        setLooked((n) => n + 1);
        then();
      },
      (failure) => setFailed(said(problemOf(failure), words)),
    );
  };
  const rows: [string, string][] = [
    [words.t("schedule.when"), `${timing(entry, words)} · ${entry.zone}`],
    [words.t("schedule.agent"), agent],
    [words.t("schedule.missed"), words.t(`schedule.missed_${entry.missed}`)],
  ];
  if (entry.delivery) rows.push([words.t("schedule.deliver"), entry.delivery.address]);
  return (
    <>
      <Trouble text={failed} />
      <section data-testid="schedule-detail" data-id={entry.id} data-state={entry.state}>
        <Standing entry={entry} />
        <p className="mt-2 rounded-xl bg-sunken px-3.5 py-2.5 text-[0.9375rem] whitespace-pre-wrap [overflow-wrap:anywhere]">
          {entry.prompt}
        </p>
        <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
          {rows.map(([label, text]) => (
            <div key={label} className="contents">
              <dt className="text-ink-3">{label}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">{text}</dd>
            </div>
          ))}
          {entry.next.length > 0 && (
            <>
              <dt className="text-ink-3">{words.t("schedule.next_times")}</dt>
              <dd data-testid="schedule-next">
                {entry.next.map((at) => (
                  <span key={at} className="block">
                    {moment(at, entry.zone, words, true)}
                  </span>
                ))}
              </dd>
            </>
          )}
        </dl>
        <div className="mt-4 flex flex-wrap gap-2">
          <button
            type="button"
            className="button small"
            data-testid="schedule-run-now"
            onClick={() => act(schedules.runNow(entry.id))}
          >
            <Zap size={14} aria-hidden="true" /> {words.t("schedule.run_now")}
          </button>
          {entry.state === "active" ? (
            <button
              type="button"
              className="button small"
              data-testid="schedule-pause"
              onClick={() => act(schedules.change(entry.id, { state: "paused" }))}
            >
              <Pause size={14} aria-hidden="true" /> {words.t("schedule.pause")}
            </button>
          ) : (
            <button
              type="button"
              className="button small"
              data-testid="schedule-resume"
              onClick={() => act(schedules.change(entry.id, { state: "active" }))}
            >
              <Play size={14} aria-hidden="true" /> {words.t("schedule.resume")}
            </button>
          )}
          <PageLink
            to={{ kind: "schedules", id: entry.id, edit: true }}
            className="button small"
            testid="schedule-edit"
          >
            <Pencil size={14} aria-hidden="true" /> {words.t("schedule.edit")}
          </PageLink>
          <button
            type="button"
            className="button small"
            data-testid="schedule-delete"
            onClick={() => setDeleting(true)}
          >
            <Trash2 size={14} aria-hidden="true" /> {words.t("schedule.delete")}
          </button>
        </div>
      </section>
      <section aria-labelledby="schedule-past" className="mt-7">
        <h2 id="schedule-past" className="mb-1 text-sm font-semibold">
          {words.t("schedule.history")}
        </h2>
        <History id={entry.id} zone={entry.zone} looked={looked} />
      </section>
      {deleting && (
        <Confirm
          title={words.t("schedule.delete_title")}
          text={words.t("schedule.delete_body", { name: entry.name })}
          label={words.t("schedule.delete")}
          testid="schedule-delete-confirm"
          onConfirm={() => act(schedules.remove(entry.id), onRemoved)}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  );
}
