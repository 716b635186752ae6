import type { ScheduleRun } from "../../sync";
import { useWords, type Words } from "../i18n";
import { ConversationLink } from "../pages/PageLink";
import { moment } from "./when";

type Tone = "ok" | "bad" | "busy" | "quiet";
const tones: Record<Tone, string> = {
  ok: "text-ok",
  bad: "text-danger",
  busy: "text-accent",
  quiet: "text-ink-2",
};

/** How it went, as a key of the dictionary and a colour. */
function stateOf(run: ScheduleRun) {
  if (run.state === "received") return ["schedule.state_received", "busy"] as const;
  if (run.state === "fired") return ["schedule.state_fired", "busy"] as const;
  if (run.state === "failed") return ["schedule.state_failed", "bad"] as const;
  if (run.state === "skipped") return ["schedule.state_skipped", "quiet"] as const;
  switch (run.outcome) {
    case "failed":
    case "internal":
      return ["run.failed", "bad"] as const;
    case "stopped":
      return ["run.stopped", "quiet"] as const;
    case "unread":
      return ["schedule.state_unread", "quiet"] as const;
    default:
      return ["run.finished", "ok"] as const;
  }
}

/** The beginning of the answer, or why there is none: in the reader's language where the server does not only cite. */
function detailOf(run: ScheduleRun, zone: string, words: Words): string {
  const { state, outcome, passed } = run;
  if (passed) {
    const count = `${words.count(passed.count)}${passed.more ? "+" : ""}`;
    const why = words.t(`schedule.passed_${passed.why}`, { most: passed.most });
    const [from, to] = [moment(passed.from, zone, words), moment(run.due, zone, words)];
    return passed.count === 1
      ? words.t("schedule.passed_one", { to, why })
      : words.t("schedule.passed_several", { count, from, to, why });
  }
  if (state === "received") return run.detail && words.t("schedule.tried_again");
  if (state === "failed" || state === "skipped" || outcome === "internal") {
    return words.code("schedule.refused", outcome, run.detail);
  }
  if (outcome === "unread") return words.t("schedule.unread_because");
  if (outcome === "stopped" && run.conversation === null) return words.t("schedule.conversation_gone");
  return run.detail;
}

/** Where the answer was to go and did not arrive, and why; empty if nothing is lost or on its way again. */
function lostOf({ delivery, undelivered }: ScheduleRun, words: Words): string {
  if (delivery?.state === "dead") return words.t("schedule.delivery_dead", { error: delivery.error });
  if (delivery?.state === "pending" && delivery.error)
    return words.t("schedule.delivery_again", { error: delivery.error });
  return undelivered && words.t("schedule.delivery_dead", { error: undelivered });
}

interface Props {
  run: ScheduleRun;
  zone: string;
  /** In a list of schedules: one line of the answer. */
  brief?: boolean;
}

/** One run of a schedule: when, how it went, the beginning of its answer, and the way to its conversation. */
export function RunState({ run, zone, brief = false }: Props) {
  const words = useWords();
  const [key, tone] = stateOf(run);
  const { conversation } = run;
  const detail = detailOf(run, zone, words);
  const lost = lostOf(run, words);
  return (
    <>
      <span className="flex flex-wrap items-baseline gap-x-2">
        <span>{moment(run.due, zone, words)}</span>
        <span className={`font-medium ${tones[tone]}`}>{words.t(key)}</span>
        {run.manual && <span className="text-ink-3">{words.t("schedule.manual")}</span>}
        {run.delivery && run.delivery.state !== "dead" && (
          <span className="text-ink-3">{words.t(`schedule.delivery_${run.delivery.state}`)}</span>
        )}
        {conversation !== null && (
          <ConversationLink id={conversation} testid="schedule-open">
            {words.t("schedule.open")}
          </ConversationLink>
        )}
      </span>
      {detail && (
        <span className={`block text-ink-2 ${brief ? "truncate" : "[overflow-wrap:anywhere]"}`}>
          {detail}
        </span>
      )}
      {lost && (
        <span className="block text-danger [overflow-wrap:anywhere]" data-testid="run-undelivered">
          {lost}
        </span>
      )}
    </>
  );
}
