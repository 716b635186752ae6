import { LoaderCircle, RefreshCw } from "lucide-react";
import type { ConversationView, RunView } from "../sync";
import { useClient } from "./client";
import { useWords, type Words } from "./i18n";
import { Elapsed } from "./parts/Elapsed";
import { TimelineButton } from "./TimelineButton";
import { useNow } from "./ticker";
import { type RunState, runState } from "./view";

/** Waits (ms) of which the time of day is told, too; and those of which the date is. */
const LONG = 60_000;
const DAY = 86_400_000;

/** One line above the composer: what the agent is doing now. It keeps its place, so that nothing jumps. */
export function RunStatus({
  view,
}: {
  view: (Pick<ConversationView, "run" | "stopping"> & { id?: string }) | null;
}) {
  const state = view ? runState(view) : "none";
  const run = view?.run ?? null;
  return (
    <div
      className="flex min-h-6 items-center gap-2 px-1 text-[0.8125rem] text-ink-2"
      data-testid="run-status"
      data-status={state}
      data-run={run?.id ?? ""}
    >
      {run && state !== "none" && <Line run={run} state={state} />}
      {run && run.started_at !== null && view?.id !== undefined && (
        <span className="ml-auto flex-none">
          <TimelineButton conversation={view.id} run={run.id} />
        </span>
      )}
    </div>
  );
}

const tints: Record<RunState, string> = {
  none: "",
  queued: "text-ink-3",
  running: "text-accent",
  recovering: "text-warn",
  waiting: "text-warn",
  retrying: "text-warn",
  stopping: "text-ink-3",
};

function Line({ run, state }: { run: RunView; state: RunState }) {
  const words = useWords();
  const client = useClient();
  const now = useNow(client.now, state === "retrying");
  const Icon = state === "recovering" || state === "retrying" ? RefreshCw : LoaderCircle;
  return (
    <>
      {state === "waiting" ? (
        <span className={`pulse-dot ${tints[state]}`} aria-hidden="true" />
      ) : (
        <Icon size={14} className={`spin flex-none ${tints[state]}`} aria-hidden="true" />
      )}
      <span className="min-w-0 truncate">{stateText(run, state, now, words)}</span>
      <Progress run={run} state={state} />
    </>
  );
}

/** How long it works, or recovers, and at which attempt; beside words that may be cut on a narrow screen. */
function Progress({ run, state }: { run: RunView; state: RunState }) {
  const words = useWords();
  const since = state === "recovering" ? run.since : state === "running" ? run.started_at : null;
  const attempt = attemptOf(run, state);
  return (
    <span className="-ml-1 flex-none text-ink-3">
      {typeof since === "number" && (
        <>
          {" · "}
          <Elapsed start={since} testid="run-elapsed" />
        </>
      )}
      {attempt > 1 && ` · ${words.t("run.attempt", { n: attempt })}`}
    </span>
  );
}

/** The number of the attempt that is under way; while a run recovers, of the one that is about to begin. */
function attemptOf(run: RunView, state: RunState): number {
  return state === "recovering" ? run.attempt + 1 : run.attempt;
}

/** The line in words; `now` is the server's clock (ms). */
export function stateText(run: RunView, state: RunState, now: number, words: Words): string {
  switch (state) {
    case "none":
      return "";
    case "recovering":
      return words.code("run", run.reason ?? "", words.t("run.recovering"));
    case "waiting":
      return words.code("run", `waiting_${run.reason}`, words.t("run.waiting"));
    case "retrying": {
      const reason = words.code("code", run.code ?? "model_error", words.t("code.model_error"));
      const left = (run.retry_at ?? now) - now;
      if (left < 1000) return words.t("run.retrying_now", { reason });
      if (left > LONG && run.retry_at) {
        const at = left > DAY / 2 ? words.fullDate(run.retry_at) : words.clock(run.retry_at);
        return words.t("run.retrying_at", { reason, time: words.duration(left), at });
      }
      return words.t("run.retrying", { reason, time: words.duration(left) });
    }
    default:
      return words.t(`run.${state}`);
  }
}
