import { ArrowLeft, X } from "lucide-react";
import { useState } from "react";
import type { ScheduleEntry } from "../../sync";
import { useWords } from "../i18n";
import { Dialog } from "../parts/Dialog";
import { navigate } from "../route";
import { History } from "./History";
import { List } from "./List";
import { ScheduleForm } from "./ScheduleForm";
import { useSchedules } from "./useSchedules";

type View =
  | { show: "list" }
  | { show: "form"; entry: ScheduleEntry | null }
  | { show: "history"; id: string };

/** All schedules of the user: the list, the form of one, the history of one. */
export default function SchedulesDialog({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const state = useSchedules();
  const [view, setView] = useState<View>({ show: "list" });
  const [dirty, setDirty] = useState(false);
  const back = () => {
    setDirty(false);
    setView({ show: "list" });
  };
  const go = (conversation: string) => {
    navigate(conversation);
    onClose();
  };
  const shown =
    view.show === "history" ? state.list?.schedules.find((entry) => entry.id === view.id) : undefined;
  const title =
    view.show === "list"
      ? words.t("schedule.title")
      : view.show === "history"
        ? (shown?.name ?? words.t("schedule.history"))
        : words.t(view.entry ? "schedule.edit" : "schedule.new");
  // Escape and a click beside it leave a step at a time, and never what somebody has written.
  const leave = () => {
    if (view.show === "list") onClose();
    else if (!dirty) back();
  };
  return (
    <Dialog title={title} hideTitle className="dialog wide" testid="schedules-dialog" onClose={leave}>
      <div className="flex h-13 flex-none items-center gap-1 border-b border-line pr-2 pl-2">
        {view.show !== "list" && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.t("schedule.back")}
            data-testid="schedule-back"
            onClick={back}
          >
            <ArrowLeft size={18} />
          </button>
        )}
        <span className="min-w-0 flex-1 truncate px-2 text-base font-semibold" aria-hidden="true">
          {title}
        </span>
        <button
          type="button"
          className="icon-button"
          aria-label={words.t("dialog.close")}
          data-testid="schedules-close"
          onClick={onClose}
        >
          <X size={18} />
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain">
        {view.show === "list" && (
          <List
            state={state}
            onNew={() => setView({ show: "form", entry: null })}
            onEdit={(entry) => setView({ show: "form", entry })}
            onHistory={(entry) => setView({ show: "history", id: entry.id })}
            onGo={go}
          />
        )}
        {view.show === "form" && (
          <ScheduleForm
            entry={view.entry}
            leastS={state.list?.least_s ?? 60}
            destinations={state.list?.destinations ?? []}
            onDirty={setDirty}
            onCancel={back}
            onSaved={() => {
              state.refresh();
              back();
            }}
          />
        )}
        {view.show === "history" && <History id={view.id} zone={shown?.zone ?? "UTC"} onGo={go} />}
      </div>
    </Dialog>
  );
}
