import type { ScheduleRun } from "../../sync";
import { useWords } from "../i18n";
import { addressOf } from "../route";
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
      return ["run.failed", "bad"] as const;
    case "stopped":
      return ["run.stopped", "quiet"] as const;
    case "unread":
      return ["schedule.state_unread", "quiet"] as const;
    default:
      return ["run.finished", "ok"] as const;
  }
}

interface Props {
  run: ScheduleRun;
  zone: string;
  onGo: (conversation: string) => void;
  /** In a list of schedules: one line of the answer. */
  brief?: boolean;
}

/** One run of a schedule: when, how it went, the beginning of its answer, and the way to its conversation. */
export function RunState({ run, zone, onGo, brief = false }: Props) {
  const words = useWords();
  const [key, tone] = stateOf(run);
  const { conversation } = run;
  const detail =
    run.state === "failed" ? words.code("schedule.refused", run.outcome, run.detail) : run.detail;
  return (
    <>
      <span className="flex flex-wrap items-baseline gap-x-2">
        <span>{moment(run.due, zone, words)}</span>
        <span className={`font-medium ${tones[tone]}`}>{words.t(key)}</span>
        {run.manual && <span className="text-ink-3">{words.t("schedule.manual")}</span>}
        {run.delivery && (
          <span
            className={run.delivery.state === "dead" ? "text-danger" : "text-ink-3"}
            title={run.delivery.error}
          >
            {words.t(`schedule.delivery_${run.delivery.state}`)}
          </span>
        )}
        {conversation !== null && (
          <a
            className="text-accent underline-offset-2 hover:underline"
            href={addressOf(conversation)}
            data-testid="schedule-open"
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey) return;
              event.preventDefault();
              onGo(conversation);
            }}
          >
            {words.t("schedule.open")}
          </a>
        )}
      </span>
      {detail && (
        <span className={`block text-ink-2 ${brief ? "truncate" : "[overflow-wrap:anywhere]"}`}>
          {detail}
        </span>
      )}
    </>
  );
}
