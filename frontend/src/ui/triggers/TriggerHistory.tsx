import { useCallback, useEffect } from "react";
import type { TriggerFiring } from "../../sync";
import { useClient } from "../client";
import { type Key, useWords, type Words } from "../i18n";
import { ConversationLink } from "../pages/PageLink";
import { said, Trouble } from "../pages/trouble";
import { useHistory } from "../pages/useHistory";

const tones = { ok: "text-ok", bad: "text-danger", busy: "text-accent", quiet: "text-ink-2" };

/** How it went, as a key of the dictionary and a colour. */
function firingState(firing: TriggerFiring): [Key, keyof typeof tones] {
  if (firing.state === "pending") return ["schedule.state_received", "busy"];
  if (firing.state === "failed") return ["schedule.state_failed", "bad"];
  if (firing.state === "skipped") return ["trigger.not_fired", "quiet"];
  if (firing.outcome === "finished") return ["run.finished", "ok"];
  if (firing.outcome === "failed") return ["run.failed", "bad"];
  if (firing.outcome === "stopped") return ["run.stopped", "quiet"];
  return ["schedule.state_fired", "busy"];
}

/** Why, where nothing came of it: in the reader's language where the server does not only cite. */
function why({ state, detail }: TriggerFiring, words: Words): string {
  if (state === "pending") return detail && words.t("schedule.tried_again");
  return state === "fired" ? "" : detail;
}

/** What a trigger has seen and what came of it, newest first. `looked` grows when something was done that it shows. */
export function TriggerHistory({ id, looked }: { id: string; looked: number }) {
  const { triggers } = useClient();
  const words = useWords();
  const ask = useCallback((before?: number) => triggers.history(id, before), [triggers, id]);
  const { rows, more, problem, older, look } = useHistory(ask, (firing) => firing.id);
  useEffect(() => {
    if (looked > 0) look();
  }, [looked, look]);
  return (
    <>
      <Trouble text={problem && said(problem, words)} />
      {rows === null && !problem && <p className="text-sm text-ink-2">{words.t("app.loading")}</p>}
      {rows?.length === 0 && <p className="text-sm text-ink-2">{words.t("trigger.no_history")}</p>}
      <ol className="divide-y divide-line">
        {rows?.map((firing) => (
          <Firing key={firing.id} firing={firing} />
        ))}
      </ol>
      {more && (
        <button type="button" className="button small mt-2" onClick={older}>
          {words.t("list.more")}
        </button>
      )}
    </>
  );
}

function Firing({ firing }: { firing: TriggerFiring }) {
  const words = useWords();
  const [key, tone] = firingState(firing);
  const reason = why(firing, words);
  return (
    <li
      className="py-2.5 text-sm"
      data-testid="trigger-firing"
      data-state={firing.state}
      data-reason={firing.reason}
      data-outcome={firing.outcome}
    >
      <span className="flex flex-wrap items-baseline gap-x-2">
        <span>{words.fullDate(firing.at)}</span>
        <span className={`font-medium ${tones[tone]}`}>{words.t(key)}</span>
        {firing.manual && <span className="text-ink-3">{words.t("trigger.by_hand")}</span>}
        {firing.conversation !== null && (
          <ConversationLink id={firing.conversation} testid="trigger-open">
            {words.t("schedule.open")}
          </ConversationLink>
        )}
      </span>
      {reason && <span className="block text-ink-2 [overflow-wrap:anywhere]">{reason}</span>}
      {firing.undelivered && (
        <span className="block text-danger [overflow-wrap:anywhere]" data-testid="run-undelivered">
          {words.t("schedule.delivery_dead", { error: firing.undelivered })}
        </span>
      )}
      <details className="mt-1 text-[0.8125rem]">
        <summary className="w-fit cursor-pointer text-ink-3">{words.t("trigger.seen")}</summary>
        <pre className="mt-1 rounded-lg bg-sunken px-3 py-2 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">
          {firing.seen}
        </pre>
      </details>
    </li>
  );
}
