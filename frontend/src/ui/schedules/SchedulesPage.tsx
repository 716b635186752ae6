import { useCallback, useState } from "react";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { PageFrame } from "../pages/PageFrame";
import { PageLink } from "../pages/PageLink";
import { NotHere, said, Trouble } from "../pages/trouble";
import { usePolled } from "../pages/usePolled";
import { openPage, type Page } from "../route";
import { List } from "./List";
import { ScheduleDetail } from "./ScheduleDetail";
import { ScheduleForm } from "./ScheduleForm";

const LIST: Page = { kind: "schedules", id: null, edit: false };

/** All schedules of the reader: the list, one with its history, and the form of one; each at an address of its own. */
export default function SchedulesPage({ page }: { page: Page }) {
  const words = useWords();
  const { schedules } = useClient();
  const state = usePolled(useCallback(() => schedules.list(), [schedules]));
  // Made, changed or removed a moment ago: the next look at the list knows of it.
  const [recent, setRecent] = useState<string | null>(null);
  const list = state.value;
  const above = page.edit ? { ...page, edit: false } : LIST;
  if (page.id === null) {
    return (
      <PageFrame
        title={words.t("schedule.title")}
        testid="schedules-page"
        actions={
          <PageLink to={{ ...LIST, id: "new" }} className="button primary small mr-1" testid="schedule-new">
            {words.t("schedule.new")}
          </PageLink>
        }
      >
        <List state={state} />
      </PageFrame>
    );
  }
  const entry = list?.schedules.find(({ id }) => id === page.id) ?? null;
  const making = page.id === "new";
  const title = making ? words.t("schedule.new") : (entry?.name ?? words.t("schedule.title"));
  return (
    <PageFrame
      key={`${page.id} ${page.edit}`}
      title={title}
      above={above}
      aboveLabel={words.t(page.edit ? "page.back" : "page.back_to_list")}
      testid="schedules-page"
    >
      {list === null || (recent === page.id && entry === null) ? (
        <>
          <Trouble text={state.problem && said(state.problem, words)} />
          {!state.problem && <p className="py-6 text-sm text-ink-2">{words.t("app.loading")}</p>}
        </>
      ) : making || (entry && page.edit) ? (
        <ScheduleForm
          entry={entry}
          leastS={list.least_s}
          destinations={list.destinations}
          onCancel={() => openPage("schedules", making ? null : page.id)}
          onSaved={(saved) => {
            setRecent(saved);
            state.refresh();
            openPage("schedules", saved, { replace: true });
          }}
        />
      ) : entry ? (
        <ScheduleDetail
          entry={entry}
          onChanged={state.refresh}
          onRemoved={() => {
            const rest = list.schedules.filter(({ id }) => id !== entry.id);
            state.update((value) => ({ ...value, schedules: rest }));
            state.refresh();
            openPage("schedules", null, { replace: true });
          }}
        />
      ) : (
        <NotHere />
      )}
    </PageFrame>
  );
}
