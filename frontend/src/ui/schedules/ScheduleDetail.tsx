import type { ScheduleEntry } from "../../sync";
import { useAgentName, useClient } from "../client";
import { useWords } from "../i18n";
import { Detail, type Fact } from "../pages/Detail";
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
  const facts: Fact[] = [
    [words.t("schedule.when"), `${timing(entry, words)} · ${entry.zone}`],
    [words.t("schedule.agent"), agent],
    [words.t("schedule.missed"), words.t(`schedule.missed_${entry.missed}`)],
  ];
  if (entry.delivery) facts.push([words.t("schedule.deliver"), entry.delivery.address]);
  if (entry.next.length > 0)
    facts.push([
      words.t("schedule.next_times"),
      <span key="next" className="block" data-testid="schedule-next">
        {entry.next.map((at) => (
          <span key={at} className="block">
            {moment(at, entry.zone, words, true)}
          </span>
        ))}
      </span>,
    ]);
  return (
    <Detail
      kind="schedule"
      entry={entry}
      paused={entry.state !== "active"}
      data={{ "data-state": entry.state }}
      standing={<Standing entry={entry} />}
      facts={facts}
      fire={{
        label: words.t("schedule.run_now"),
        testid: "schedule-run-now",
        ask: () => schedules.runNow(entry.id),
      }}
      pause={(paused) => schedules.change(entry.id, { state: paused ? "paused" : "active" })}
      remove={() => schedules.remove(entry.id)}
      removeTitle={words.t("schedule.delete_title")}
      edit={{ kind: "schedules", id: entry.id, edit: true }}
      onChanged={onChanged}
      onRemoved={onRemoved}
      history={(looked) => <History id={entry.id} zone={entry.zone} looked={looked} />}
    />
  );
}
