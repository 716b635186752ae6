import { Globe, ListEnd, MessageSquareText, Webhook } from "lucide-react";
import type { Problem, TriggerEntry, TriggerKind, TriggerList } from "../../sync";
import { type Key, useWords } from "../i18n";
import { PageLink } from "../pages/PageLink";
import { said, Trouble } from "../pages/trouble";

const icons: Record<TriggerKind, typeof Webhook> = {
  webhook: Webhook,
  poll: Globe,
  message: MessageSquareText,
  run: ListEnd,
};

interface Props {
  list: TriggerList | null;
  problem: Problem | null;
}

/** All of them, each with what it waits for and how it stands. */
export function TriggerRows({ list, problem }: Props) {
  const words = useWords();
  return (
    <>
      <p className="mb-4 text-sm text-ink-2">{words.t("trigger.about")}</p>
      <Trouble text={problem && said(problem, words)} />
      {list === null && !problem && <p className="py-6 text-sm text-ink-2">{words.t("app.loading")}</p>}
      {list?.triggers.length === 0 && (
        <div className="grid place-items-center gap-2 py-10 text-center text-sm text-ink-2">
          <Webhook size={32} className="text-ink-3" aria-hidden="true" />
          {words.t("trigger.none")}
        </div>
      )}
      <ul className="flex flex-col gap-2">
        {list?.triggers.map((entry) => (
          <Row key={entry.id} entry={entry} />
        ))}
      </ul>
    </>
  );
}

function Row({ entry }: { entry: TriggerEntry }) {
  const words = useWords();
  const Icon = icons[entry.kind];
  return (
    <li
      className="rounded-xl border border-line bg-ground px-3.5 py-3"
      data-testid="trigger-row"
      data-id={entry.id}
      data-kind={entry.kind}
      data-state={entry.state}
    >
      <div className="flex items-start gap-3">
        <Icon size={17} className="mt-0.5 flex-none text-ink-3" aria-hidden="true" />
        <div className="min-w-0 flex-1">
          <PageLink
            to={{ kind: "triggers", id: entry.id, edit: false }}
            className="text-[0.9375rem] font-medium underline-offset-2 [overflow-wrap:anywhere] hover:underline"
            testid="trigger-name-link"
          >
            {entry.name}
          </PageLink>
          <p className="text-[0.8125rem] text-ink-2 [overflow-wrap:anywhere]">
            {words.t(`trigger.kind_${entry.kind}` satisfies Key)}
            {entry.kind === "poll" && <span className="text-ink-3"> · {entry.url}</span>}
          </p>
          <TriggerStanding entry={entry} />
        </div>
      </div>
    </li>
  );
}

/** How it stands: how often it has fired, and what is unusual about it. */
export function TriggerStanding({ entry }: { entry: TriggerEntry }) {
  const words = useWords();
  return (
    <>
      <p className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-1 text-[0.8125rem] text-ink-2">
        {entry.state !== "active" && (
          <span className="chip bg-sunken text-ink-2">
            {words.t(`trigger.state_${entry.state}` satisfies Key)}
          </span>
        )}
        {entry.made_by_agent && (
          <span className="chip bg-accent-soft text-accent">{words.t("schedule.by_agent")}</span>
        )}
        <span>
          {entry.fired_at === null
            ? words.t("trigger.never_fired")
            : words.t("trigger.fired", {
                n: words.count(entry.fires),
                time: words.fullDate(entry.fired_at),
              })}
        </span>
      </p>
      {entry.problem && (
        <p className="mt-2 rounded-lg bg-warn-soft px-2.5 py-1.5 text-[0.8125rem] text-warn [overflow-wrap:anywhere]">
          {words.t("trigger.problem", { problem: entry.problem })}
        </p>
      )}
    </>
  );
}
