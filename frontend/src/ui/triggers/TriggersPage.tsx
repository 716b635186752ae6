import { useCallback, useState } from "react";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { PageFrame } from "../pages/PageFrame";
import { PageLink } from "../pages/PageLink";
import { NotHere, said, Trouble } from "../pages/trouble";
import { usePolled } from "../pages/usePolled";
import { openPage, type Page } from "../route";
import { TriggerDetail } from "./TriggerDetail";
import { TriggerForm } from "./TriggerForm";
import { TriggerRows } from "./TriggerRows";

const LIST: Page = { kind: "triggers", id: null, edit: false };

/** All triggers of the reader: the list, one with its history, and the form of one; each at an address of its own. */
export default function TriggersPage({ page }: { page: Page }) {
  const words = useWords();
  const { triggers, schedules } = useClient();
  // Runs of schedules can be waited for; without schedules here there are none to choose.
  const ask = useCallback(async () => {
    const [list, others] = await Promise.all([
      triggers.list(),
      schedules.list().then(
        (found) => found.schedules,
        () => [],
      ),
    ]);
    return { list, others };
  }, [triggers, schedules]);
  const state = usePolled(ask);
  // Made, changed or removed a moment ago: the next look at the list knows of it.
  const [recent, setRecent] = useState<string | null>(null);
  // The secret address that has just come to be is shown at once.
  const [fresh, setFresh] = useState<{ id: string; address: string } | null>(null);
  const list = state.value?.list ?? null;
  if (page.id === null) {
    return (
      <PageFrame
        title={words.t("trigger.title")}
        testid="triggers-page"
        actions={
          <PageLink to={{ ...LIST, id: "new" }} className="button primary small mr-1" testid="trigger-new">
            {words.t("trigger.new")}
          </PageLink>
        }
      >
        <TriggerRows list={list} problem={state.problem} />
      </PageFrame>
    );
  }
  const making = page.id === "new";
  const entry = list?.triggers.find(({ id }) => id === page.id) ?? null;
  return (
    <PageFrame
      key={`${page.id} ${page.edit}`}
      title={making ? words.t("trigger.new") : (entry?.name ?? words.t("trigger.title"))}
      above={page.edit ? { ...page, edit: false } : LIST}
      aboveLabel={words.t(page.edit ? "page.back" : "page.back_to_list")}
      testid="triggers-page"
    >
      {list === null || (recent === page.id && entry === null) ? (
        <>
          <Trouble text={state.problem && said(state.problem, words)} />
          {!state.problem && <p className="py-6 text-sm text-ink-2">{words.t("app.loading")}</p>}
        </>
      ) : making || (entry && page.edit) ? (
        <TriggerForm
          entry={entry}
          list={list}
          schedules={state.value?.others ?? []}
          onCancel={() => openPage("triggers", making ? null : page.id)}
          onSaved={(saved) => {
            setRecent(saved.id);
            if (making && saved.address) setFresh({ id: saved.id, address: saved.address });
            state.refresh();
            openPage("triggers", saved.id, { replace: true });
          }}
        />
      ) : entry ? (
        <TriggerDetail
          entry={entry}
          senders={list.senders}
          address={fresh?.id === entry.id ? fresh.address : null}
          onAddress={(address) => setFresh(address === null ? null : { id: entry.id, address })}
          onChanged={state.refresh}
          onRemoved={() => {
            const rest = list.triggers.filter(({ id }) => id !== entry.id);
            state.update((value) => ({ ...value, list: { ...value.list, triggers: rest } }));
            state.refresh();
            openPage("triggers", null, { replace: true });
          }}
        />
      ) : (
        <NotHere />
      )}
    </PageFrame>
  );
}
