import type { TriggerEntry, TriggerSender } from "../../sync";
import { useAgentName, useClient } from "../client";
import { type Key, useWords, type Words } from "../i18n";
import { Detail, type Fact } from "../pages/Detail";
import { ConversationLink } from "../pages/PageLink";
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
function factsOf(entry: TriggerEntry, senders: readonly TriggerSender[], words: Words): Fact[] {
  const facts: Fact[] = [[words.t("trigger.kind"), words.t(`trigger.kind_${entry.kind}` satisfies Key)]];
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
  const place =
    entry.conversation === null ? (
      `${words.t("schedule.place_new")} · ${agent}`
    ) : (
      <ConversationLink id={entry.conversation}>{words.t("schedule.open")}</ConversationLink>
    );
  return (
    <Detail
      kind="trigger"
      entry={entry}
      paused={entry.paused}
      data={{ "data-state": entry.state, "data-kind": entry.kind }}
      standing={<TriggerStanding entry={entry} />}
      facts={[...factsOf(entry, senders, words), [words.t("schedule.place"), place]]}
      fire={{ label: words.t("trigger.fire"), testid: "trigger-fire", ask: () => triggers.fire(entry.id) }}
      pause={(paused) => triggers.change(entry.id, { paused })}
      remove={() => triggers.remove(entry.id)}
      removeTitle={words.t("trigger.delete_title")}
      edit={{ kind: "triggers", id: entry.id, edit: true }}
      onChanged={onChanged}
      onRemoved={onRemoved}
      between={
        entry.kind === "webhook" && <SecretAddress id={entry.id} address={address} onAddress={onAddress} />
      }
      history={(looked) => <TriggerHistory id={entry.id} looked={looked} />}
    />
  );
}
