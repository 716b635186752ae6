import {
  CalendarClock,
  Ellipsis,
  History as HistoryIcon,
  Pause,
  Pencil,
  Play,
  Trash2,
  Zap,
} from "lucide-react";
import { useState } from "react";
import type { Problem, ScheduleEntry, ScheduleRun } from "../../sync";
import { useClient } from "../client";
import { useWords, type Words } from "../i18n";
import { Dialog } from "../parts/Dialog";
import { Menu, MenuItem, MenuLine } from "../parts/Menu";
import { RunState } from "./RunState";
import { problemOf, type SchedulesState } from "./useSchedules";
import { moment, timing } from "./when";

interface Props {
  state: SchedulesState;
  onNew: () => void;
  onEdit: (entry: ScheduleEntry) => void;
  onHistory: (entry: ScheduleEntry) => void;
  onGo: (conversation: string) => void;
}

/** What went wrong, for people: the server's own words where there are none of ours. */
export function said(problem: Problem, words: Words): string {
  const detail = problem.detail || words.t("schedule.error.server");
  return words.code("schedule.error", problem.reason ?? problem.code, detail);
}

export function List({ state, onNew, onEdit, onHistory, onGo }: Props) {
  const words = useWords();
  const { schedules } = useClient();
  const [failed, setFailed] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<ScheduleEntry | null>(null);
  const act = (work: Promise<unknown>) => {
    setFailed(null);
    work.then(state.refresh, (failure) => setFailed(said(problemOf(failure), words)));
  };
  const { list, problem } = state;
  const trouble = failed ?? (problem ? said(problem, words) : null);
  return (
    <div className="flex flex-col gap-3 p-4">
      <div className="flex items-start gap-4">
        <p className="min-w-0 flex-1 text-sm text-ink-2">{words.t("schedule.about")}</p>
        <button type="button" className="button primary flex-none" data-testid="schedule-new" onClick={onNew}>
          {words.t("schedule.new")}
        </button>
      </div>
      {trouble && (
        <p role="alert" className="rounded-lg bg-danger-soft px-3 py-2 text-sm text-danger">
          {trouble}
        </p>
      )}
      {list === null && !problem && <p className="py-6 text-sm text-ink-2">{words.t("app.loading")}</p>}
      {list?.schedules.length === 0 && (
        <div className="grid place-items-center gap-2 py-10 text-center text-sm text-ink-2">
          <CalendarClock size={32} className="text-ink-3" aria-hidden="true" />
          {words.t("schedule.none")}
        </div>
      )}
      <ul className="flex flex-col gap-2">
        {list?.schedules.map((entry) => (
          <Row
            key={entry.id}
            entry={entry}
            onEdit={() => onEdit(entry)}
            onHistory={() => onHistory(entry)}
            onGo={onGo}
            onRun={() => act(schedules.runNow(entry.id))}
            onState={(next) => act(schedules.change(entry.id, { state: next }))}
            onDelete={() => setDeleting(entry)}
          />
        ))}
      </ul>
      {deleting && (
        <Dialog title={words.t("schedule.delete_title")} onClose={() => setDeleting(null)}>
          <p className="text-sm text-ink-2 [overflow-wrap:anywhere]">
            {words.t("schedule.delete_body", { name: deleting.name })}
          </p>
          <div className="mt-5 flex justify-end gap-2">
            <button type="button" className="button" onClick={() => setDeleting(null)}>
              {words.t("dialog.cancel")}
            </button>
            <button
              type="button"
              className="button danger"
              data-testid="schedule-delete-confirm"
              onClick={() => {
                act(schedules.remove(deleting.id));
                setDeleting(null);
              }}
            >
              {words.t("schedule.delete")}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

interface RowProps {
  entry: ScheduleEntry;
  onEdit: () => void;
  onHistory: () => void;
  onGo: (conversation: string) => void;
  onRun: () => void;
  onState: (state: "active" | "paused") => void;
  onDelete: () => void;
}

function Row({ entry, onEdit, onHistory, onGo, onRun, onState, onDelete }: RowProps) {
  const words = useWords();
  const next = entry.next[0];
  return (
    <li
      className="rounded-xl border border-line bg-ground px-3.5 py-3"
      data-testid="schedule-row"
      data-id={entry.id}
      data-state={entry.state}
    >
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
            <span className="min-w-0 text-[0.9375rem] font-medium [overflow-wrap:anywhere]">
              {entry.name}
            </span>
            {entry.state !== "active" && (
              <span className="chip bg-sunken text-ink-2">{words.t(`schedule.${entry.state}`)}</span>
            )}
            {entry.made_by_agent && (
              <span className="chip bg-accent-soft text-accent">{words.t("schedule.by_agent")}</span>
            )}
          </div>
          <p className="text-[0.8125rem] text-ink-2">
            {timing(entry, words)} <span className="text-ink-3">· {entry.zone}</span>
          </p>
        </div>
        <Menu
          trigger={
            <button
              type="button"
              className="icon-button small"
              aria-label={words.t("list.open_menu", { title: entry.name })}
              data-testid="schedule-menu"
            >
              <Ellipsis size={18} />
            </button>
          }
        >
          <MenuItem icon={<Zap size={15} />} testid="schedule-run-now" onSelect={onRun}>
            {words.t("schedule.run_now")}
          </MenuItem>
          {entry.state === "active" ? (
            <MenuItem icon={<Pause size={15} />} testid="schedule-pause" onSelect={() => onState("paused")}>
              {words.t("schedule.pause")}
            </MenuItem>
          ) : (
            <MenuItem icon={<Play size={15} />} testid="schedule-resume" onSelect={() => onState("active")}>
              {words.t("schedule.resume")}
            </MenuItem>
          )}
          <MenuItem icon={<Pencil size={15} />} testid="schedule-edit" onSelect={onEdit}>
            {words.t("schedule.edit")}
          </MenuItem>
          <MenuItem icon={<HistoryIcon size={15} />} testid="schedule-history" onSelect={onHistory}>
            {words.t("schedule.history")}
          </MenuItem>
          <MenuLine />
          <MenuItem icon={<Trash2 size={15} />} danger testid="schedule-delete" onSelect={onDelete}>
            {words.t("schedule.delete")}
          </MenuItem>
        </Menu>
      </div>
      {entry.problem && (
        <p className="mt-2 rounded-lg bg-warn-soft px-2.5 py-1.5 text-[0.8125rem] text-warn">
          {words.t("schedule.paused_because", {
            problem: words.code("schedule.refused", entry.problem, entry.problem),
          })}
        </p>
      )}
      <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-[0.8125rem]">
        {next !== undefined && (
          <>
            <dt className="text-ink-3">{words.t("schedule.next")}</dt>
            <dd data-testid="schedule-next">{moment(next, entry.zone, words)}</dd>
          </>
        )}
        {entry.last && (
          <>
            <dt className="text-ink-3">{words.t("schedule.last")}</dt>
            <dd className="min-w-0">
              <Last run={entry.last} zone={entry.zone} onGo={onGo} />
            </dd>
          </>
        )}
      </dl>
    </li>
  );
}

function Last({ run, zone, onGo }: { run: ScheduleRun; zone: string; onGo: (conversation: string) => void }) {
  return <RunState run={run} zone={zone} onGo={onGo} brief />;
}
