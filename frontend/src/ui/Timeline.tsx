import { LoaderCircle } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import type { Span, Timeline as Told } from "../sync";
import { useClient } from "./client";
import { useWords, type Words } from "./i18n";
import { Dialog } from "./parts/Dialog";
import { humanise } from "./view";

/** A run that goes on is looked at again this often (ms). */
const AGAIN = 2_000;
/** Narrower bars (percent) could not be seen. */
const MIN_WIDTH = 0.6;

const tints: Record<string, string> = {
  model: "bg-accent",
  call: "bg-ok",
  approval: "bg-warn",
  waiting: "bg-warn",
  retrying: "bg-warn",
  lost: "bg-danger",
};

/** What a span is, in words. */
function spanName({ kind, name }: Span, words: Words): string {
  switch (kind) {
    case "model":
      return name === "" ? words.t("timeline.model") : `${words.t("timeline.model")} (${name})`;
    case "call":
      return words.code("tool", name, humanise(name) || name);
    case "approval":
      return words.t("timeline.approval", { name: words.code("tool", name, humanise(name) || name) });
    case "waiting":
      return words.code("run", `waiting_${name}`, words.t("run.waiting"));
    case "lost":
      return words.code("timeline", `lost_${name}`, words.t("timeline.lost"));
    case "retrying":
      return words.t("timeline.retrying", { reason: words.code("code", name, name) });
    default:
      return words.code("timeline", kind, kind);
  }
}

/** What one run did with its time: each request, call, wait and loss as a bar, beside how long it took. */
export default function Timeline(props: { conversation: string; run: string; onClose: () => void }) {
  const { conversation, run, onClose } = props;
  const client = useClient();
  const words = useWords();
  const [told, setTold] = useState<Told | null>(null);
  const [failed, setFailed] = useState(false);
  const load = useCallback(async () => {
    try {
      setTold(await client.timeline(conversation, run));
      setFailed(false);
    } catch {
      setFailed(true);
    }
  }, [client, conversation, run]);
  useEffect(() => void load(), [load]);
  const open = told?.spans.some(({ end }) => end === null) === true;
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => void load(), AGAIN);
    return () => clearInterval(timer);
  }, [open, load]);
  return (
    <Dialog title={words.t("timeline.title")} className="dialog timeline" testid="timeline" onClose={onClose}>
      {told === null && !failed && (
        <p className="flex items-center gap-2 text-sm text-ink-2">
          <LoaderCircle size={15} className="spin" aria-hidden="true" /> {words.t("app.loading")}
        </p>
      )}
      {failed && (
        <p className="mb-2 flex items-center gap-2 text-sm text-danger" role="alert">
          {words.t("timeline.failed")}
          <button type="button" className="button small" onClick={() => void load()}>
            {words.t("app.try_again")}
          </button>
        </p>
      )}
      {told !== null && <Bars told={told} />}
      <div className="mt-4 flex justify-end">
        <button type="button" className="button" onClick={onClose}>
          {words.t("dialog.close")}
        </button>
      </div>
    </Dialog>
  );
}

function Bars({ told }: { told: Told }) {
  const words = useWords();
  const { spans, now } = told;
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(start + 1, ...spans.map((span) => span.end ?? now));
  const percent = (ms: number) => (100 * ms) / (end - start);
  return (
    <>
      <ol className="space-y-2.5 text-sm">
        {spans.map((span) => {
          const took = (span.end ?? now) - span.start;
          const facts = [
            span.attempt > 1 ? words.t("run.attempt", { n: span.attempt }) : "",
            span.end === null
              ? words.t("timeline.goes_on")
              : words.code("timeline", `was_${span.outcome}`, ""),
            span.worker === "" ? "" : words.t("timeline.worker", { name: span.worker }),
          ].filter((fact) => fact !== "");
          const left = Math.min(percent(span.start - start), 100 - MIN_WIDTH);
          return (
            <li
              key={`${span.kind}${span.start}${span.name}${span.attempt}`}
              data-testid="timeline-span"
              data-kind={span.kind}
              data-attempt={span.attempt}
              data-outcome={span.outcome}
            >
              <div className="flex items-baseline gap-2">
                <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">{spanName(span, words)}</span>
                <span className="flex-none text-xs text-ink-2 tabular-nums">
                  {words.duration(took, true)}
                </span>
              </div>
              <div className="mt-1 h-2 rounded-full bg-line" aria-hidden="true">
                <div
                  className={`h-full rounded-full ${tints[span.kind] ?? "bg-ink-3"} ${span.end === null ? "animate-pulse" : ""}`}
                  style={{
                    marginLeft: `${left}%`,
                    width: `${Math.min(Math.max(percent(took), MIN_WIDTH), 100 - left)}%`,
                  }}
                />
              </div>
              {facts.length > 0 && (
                <p className="mt-0.5 text-xs text-ink-2 [overflow-wrap:anywhere]">{facts.join(" · ")}</p>
              )}
            </li>
          );
        })}
      </ol>
      <p className="mt-3 border-t border-line pt-2 text-sm text-ink-2">
        {words.t("timeline.total", { time: words.duration(end - start, true), at: words.fullDate(start) })}
        {told.cut && ` ${words.t("timeline.cut")}`}
      </p>
    </>
  );
}
