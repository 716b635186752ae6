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
import type { ScheduleEntry, ScheduleList } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { PageLink } from "../pages/PageLink";
import { problemOf, said, Trouble } from "../pages/trouble";
import type { Polled } from "../pages/usePolled";
import { Confirm } from "../parts/Confirm";
import { Menu, MenuItem, MenuLine } from "../parts/Menu";
import { openPage } from "../route";
import { RunState } from "./RunState";
import { moment, timing } from "./when";

/** All of them, each with what is next and what was last. */
export function List({ state }: { state: Polled<ScheduleList> }) {
  const words = useWords();
  const { schedules } = useClient();
  const [failed, setFailed] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<ScheduleEntry | null>(null);
  const act = (work: Promise<unknown>) => {
    setFailed(null);
    work.then(state.refresh, (failure) => setFailed(said(problemOf(failure), words)));
  };
  const { value: list, problem } = state;
  const trouble = failed ?? (problem ? said(problem, words) : null);
  return (
    <>
      <p className="mb-4 text-sm text-ink-2">{words.t("schedule.about")}</p>
      <Trouble text={trouble} />
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
            onRun={() => act(schedules.runNow(entry.id))}
            onState={(next) => act(schedules.change(entry.id, { state: next }))}
            onDelete={() => setDeleting(entry)}
          />
        ))}
      </ul>
      {deleting && (
        <Confirm
          title={words.t("schedule.delete_title")}
          text={words.t("schedule.delete_body", { name: deleting.name })}
          label={words.t("schedule.delete")}
          testid="schedule-delete-confirm"
          onConfirm={() => act(schedules.remove(deleting.id))}
          onClose={() => setDeleting(null)}
        />
      )}
    </>
  );
}

interface RowProps {
  entry: ScheduleEntry;
  onRun: () => void;
  onState: (state: "active" | "paused") => void;
  onDelete: () => void;
}

function Row({ entry, onRun, onState, onDelete }: RowProps) {
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
          <PageLink
            to={{ kind: "schedules", id: entry.id, edit: false }}
            className="text-[0.9375rem] font-medium underline-offset-2 [overflow-wrap:anywhere] hover:underline"
            testid="schedule-name-link"
          >
            {entry.name}
          </PageLink>
          <p className="text-[0.8125rem] text-ink-2">
            {timing(entry, words)} <span className="text-ink-3">· {entry.zone}</span>
          </p>
          <Standing entry={entry} />
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
          <MenuItem
            icon={<Pencil size={15} />}
            testid="schedule-edit"
            onSelect={() => openPage("schedules", entry.id, { edit: true })}
          >
            {words.t("schedule.edit")}
          </MenuItem>
          <MenuItem
            icon={<HistoryIcon size={15} />}
            testid="schedule-history"
            onSelect={() => openPage("schedules", entry.id)}
          >
            {words.t("schedule.history")}
          </MenuItem>
          <MenuLine />
          <MenuItem icon={<Trash2 size={15} />} danger testid="schedule-delete" onSelect={onDelete}>
            {words.t("schedule.delete")}
          </MenuItem>
        </Menu>
      </div>
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
              <RunState run={entry.last} zone={entry.zone} brief />
            </dd>
          </>
        )}
      </dl>
    </li>
  );
}

/** What is unusual about how it stands; nothing, if nothing is. */
export function Standing({ entry }: { entry: ScheduleEntry }) {
  const words = useWords();
  return (
    <>
      {(entry.state !== "active" || entry.made_by_agent) && (
        <span className="mt-1 flex flex-wrap gap-1.5">
          {entry.state !== "active" && (
            <span className="chip bg-sunken text-ink-2">{words.t(`schedule.${entry.state}`)}</span>
          )}
          {entry.made_by_agent && (
            <span className="chip bg-accent-soft text-accent">{words.t("schedule.by_agent")}</span>
          )}
        </span>
      )}
      {entry.problem && (
        <p className="mt-2 rounded-lg bg-warn-soft px-2.5 py-1.5 text-[0.8125rem] text-warn">
          {words.t("schedule.paused_because", {
            problem: words.code("schedule.refused", entry.problem, entry.problem),
          })}
        </p>
      )}
    </>
  );
}
