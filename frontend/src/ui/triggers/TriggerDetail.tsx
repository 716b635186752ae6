import { Pause, Pencil, Play, Trash2, Zap } from "lucide-react";
import { useState } from "react";
import type { TriggerEntry, TriggerSender } from "../../sync";
import { useAgentName, useClient } from "../client";
import { type Key, useWords, type Words } from "../i18n";
import { ConversationLink, PageLink } from "../pages/PageLink";
import { problemOf, said, Trouble } from "../pages/trouble";
import { Confirm } from "../parts/Confirm";
import { inUnits } from "../schedules/when";
import { SecretAddress } from "./SecretAddress";
import { TriggerHistory } from "./TriggerHistory";
import { TriggerStanding } from "./TriggerRows";

interface Props {
  entry: TriggerEntry;
  senders: readonly TriggerSender[];
  /** The secret address, if it is shown. */
  address: string | null;
  onAddress: (address: string | null) => void;
  onChanged: () => void;
  onRemoved: () => void;
}

/** What it waits for, a line for each thing that was said of it. */
function factsOf(entry: TriggerEntry, senders: readonly TriggerSender[], words: Words): [string, string][] {
  const facts: [string, string][] = [
    [words.t("trigger.kind"), words.t(`trigger.kind_${entry.kind}` satisfies Key)],
  ];
  if (entry.kind === "webhook") {
    const label = senders.find(({ name }) => name === entry.sender)?.label ?? entry.sender;
    const signed = words.t(entry.signed ? "trigger.signed" : "trigger.not_signed");
    facts.push([
      words.t("trigger.sender"),
      `${words.code("trigger.sender", entry.sender, label)} · ${signed}`,
    ]);
  }
  if (entry.kind === "poll") {
    const [n, unit] = inUnits(entry.interval_s);
    facts.push([words.t("trigger.url"), entry.url]);
    facts.push([words.t("trigger.looked_at"), words.t(`schedule.every_${unit}`, { n })]);
    if (entry.checked_at !== null) facts.push([words.t("trigger.checked"), words.fullDate(entry.checked_at)]);
  }
  if (entry.kind === "message")
    facts.push([words.t("trigger.speaker"), words.t(`trigger.speaker_${entry.speaker}` satisfies Key)]);
  if (entry.kind === "run") {
    const ends = entry.outcomes.map((end) => words.t(`run.${end}` satisfies Key));
    facts.push([words.t("trigger.outcomes"), ends.join(", ")]);
  }
  if (entry.path !== "") facts.push([words.t("trigger.path"), entry.path]);
  if (entry.match !== "any") {
    const how = words.t(`trigger.match_${entry.match}` satisfies Key);
    facts.push([words.t("trigger.match"), `${how} ${entry.pattern}`]);
  }
  const limits = [words.t("trigger.told_per_hour", { n: words.count(entry.per_hour) })];
  if (entry.cooldown_s > 0)
    limits.push(words.t("trigger.told_cooldown", { n: words.count(entry.cooldown_s) }));
  if (entry.max_fires !== null)
    limits.push(words.t("trigger.told_most", { n: words.count(entry.max_fires) }));
  if (entry.expires_at !== null)
    limits.push(words.t("trigger.told_until", { time: words.fullDate(entry.expires_at) }));
  facts.push([words.t("trigger.limits"), limits.join(" · ")]);
  return facts;
}

/** One trigger: how it stands, what can be done with it, and what became of all that it has seen. */
export function TriggerDetail({ entry, senders, address, onAddress, onChanged, onRemoved }: Props) {
  const words = useWords();
  const { triggers } = useClient();
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
  return (
    <>
      <Trouble text={failed} />
      <section
        data-testid="trigger-detail"
        data-id={entry.id}
        data-state={entry.state}
        data-kind={entry.kind}
      >
        <TriggerStanding entry={entry} />
        <p className="mt-2 rounded-xl bg-sunken px-3.5 py-2.5 text-[0.9375rem] whitespace-pre-wrap [overflow-wrap:anywhere]">
          {entry.prompt}
        </p>
        <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
          {factsOf(entry, senders, words).map(([label, text]) => (
            <div key={label} className="contents">
              <dt className="text-ink-3">{label}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">{text}</dd>
            </div>
          ))}
          <dt className="text-ink-3">{words.t("schedule.place")}</dt>
          <dd className="min-w-0">
            {entry.conversation === null ? (
              `${words.t("schedule.place_new")} · ${agent}`
            ) : (
              <ConversationLink id={entry.conversation}>{words.t("schedule.open")}</ConversationLink>
            )}
          </dd>
        </dl>
        <div className="mt-4 flex flex-wrap gap-2">
          <button
            type="button"
            className="button small"
            data-testid="trigger-fire"
            onClick={() => act(triggers.fire(entry.id))}
          >
            <Zap size={14} aria-hidden="true" /> {words.t("trigger.fire")}
          </button>
          <button
            type="button"
            className="button small"
            data-testid={entry.paused ? "trigger-resume" : "trigger-pause"}
            onClick={() => act(triggers.change(entry.id, { paused: !entry.paused }))}
          >
            {entry.paused ? <Play size={14} aria-hidden="true" /> : <Pause size={14} aria-hidden="true" />}
            {words.t(entry.paused ? "schedule.resume" : "schedule.pause")}
          </button>
          <PageLink
            to={{ kind: "triggers", id: entry.id, edit: true }}
            className="button small"
            testid="trigger-edit"
          >
            <Pencil size={14} aria-hidden="true" /> {words.t("schedule.edit")}
          </PageLink>
          <button
            type="button"
            className="button small"
            data-testid="trigger-delete"
            onClick={() => setDeleting(true)}
          >
            <Trash2 size={14} aria-hidden="true" /> {words.t("schedule.delete")}
          </button>
        </div>
      </section>
      {entry.kind === "webhook" && <SecretAddress id={entry.id} address={address} onAddress={onAddress} />}
      <section aria-labelledby="trigger-past" className="mt-7">
        <h2 id="trigger-past" className="mb-1 text-sm font-semibold">
          {words.t("schedule.history")}
        </h2>
        <TriggerHistory id={entry.id} looked={looked} />
      </section>
      {deleting && (
        <Confirm
          title={words.t("trigger.delete_title")}
          text={words.t("schedule.delete_body", { name: entry.name })}
          label={words.t("schedule.delete")}
          testid="trigger-delete-confirm"
          onConfirm={() => act(triggers.remove(entry.id), onRemoved)}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  );
}
