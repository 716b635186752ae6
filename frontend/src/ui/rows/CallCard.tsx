import { Ban, Check, ChevronDown, CircleAlert, CircleDashed, CircleHelp, LoaderCircle } from "lucide-react";
import { memo, useId, useRef } from "react";
import type { CallStatus, CallView } from "../../sync";
import { useWords, type Words } from "../i18n";
import { Elapsed } from "../parts/Elapsed";
import { useKept } from "../parts/kept";
import { Tip } from "../parts/Tip";
import { asksApproval, humanise, readArguments } from "../view";
import { Approval, Decided } from "./Approval";
import { CallDetails } from "./CallDetails";
import { Doubt, isPersonsWord, Settled } from "./Doubt";

/** The name of a tool for people: from the dictionary, else made readable. */
function toolName(name: string, words: Words): string {
  return words.code("tool", name, humanise(name) || name);
}

const looks: Record<CallStatus, { icon: typeof Check; tint: string; spins?: boolean }> = {
  proposed: { icon: CircleDashed, tint: "text-ink-3" },
  awaiting_approval: { icon: CircleHelp, tint: "text-warn" },
  queued: { icon: CircleDashed, tint: "text-ink-3" },
  running: { icon: LoaderCircle, tint: "text-accent", spins: true },
  in_doubt: { icon: CircleHelp, tint: "text-warn" },
  succeeded: { icon: Check, tint: "text-ok" },
  failed: { icon: CircleAlert, tint: "text-danger" },
  cancelled: { icon: Ban, tint: "text-ink-3" },
};

/** One tool call: what it is, how it goes, what came of it. */
export const CallCard = memo(function CallCard(props: { conversation: string; call: CallView }) {
  const { conversation, call } = props;
  const words = useWords();
  const [open, setOpen] = useKept(`call:${call.id}`, false);
  const panel = useId();
  const toggle = useRef<HTMLButtonElement>(null);
  const keepFocus = () => toggle.current?.focus();
  const name = toolName(call.name, words);
  const { icon: Icon, tint, spins } = looks[call.status];
  const summary = readArguments(call.arguments).summary;
  const failed = call.status === "failed" || call.status === "cancelled";
  const asks = asksApproval(call);
  return (
    <div
      className={call.status === "in_doubt" || asks ? "bg-warn-soft" : ""}
      data-testid="call"
      data-id={call.id}
      data-name={call.name}
      data-status={call.status}
      data-attempt={call.attempt}
      data-code={call.code ?? ""}
    >
      <button
        ref={toggle}
        type="button"
        className="flex w-full items-center gap-2.5 px-3.5 py-2.5 text-left text-sm hover:bg-hover/60 focus-visible:-outline-offset-2"
        aria-expanded={open}
        aria-controls={panel}
        data-testid="call-toggle"
        onClick={() => setOpen(!open)}
      >
        <Icon size={17} className={`flex-none ${tint} ${spins ? "spin" : ""}`} aria-hidden="true" />
        <span className="flex-none font-medium">{name}</span>
        <span className="min-w-0 flex-1 truncate text-ink-2">
          {summary}
          {call.status === "succeeded" && !open && !isPersonsWord(call) && (
            <Outcome summary={summary} preview={call.preview} />
          )}
        </span>
        {call.attempt > 1 && <Attempt n={call.attempt} />}
        <span className="flex flex-none items-center gap-1.5 text-xs text-ink-2">
          <State call={call} />
          <ChevronDown
            size={15}
            className={`transition-transform ${open ? "rotate-180" : ""}`}
            aria-hidden="true"
          />
        </span>
      </button>
      {call.status === "running" && call.progress && <ProgressLine call={call} name={name} />}
      {call.approval?.decision != null && <Decided call={call} approval={call.approval} />}
      {isPersonsWord(call) && <Settled call={call} />}
      {failed && !isPersonsWord(call) && <Failure call={call} open={open} />}
      {call.status === "in_doubt" && <Doubt conversation={conversation} call={call} keepFocus={keepFocus} />}
      {asks && <Approval conversation={conversation} call={call} keepFocus={keepFocus} />}
      <div id={panel} hidden={!open}>
        {open && <CallDetails conversation={conversation} call={call} />}
      </div>
    </div>
  );
});

/** The beginning of the result, beside what was asked; without repeating that. */
function Outcome({ summary, preview }: { summary: string; preview: string }) {
  const line = preview.slice(0, 160).replace(/\s+/g, " ").trim();
  const rest =
    summary && line.startsWith(summary) ? line.slice(summary.length).replace(/^[\s:=：]+/, "") : line;
  return rest && <span className="text-ink-3"> → {rest}</span>;
}

function State({ call }: { call: CallView }) {
  const words = useWords();
  if (call.started_at !== null && call.status === "running") {
    return (
      <>
        <span className="sr-only">{words.t("call.running")}</span>
        <Elapsed start={call.started_at} testid="call-elapsed" />
      </>
    );
  }
  const ended = call.started_at !== null && call.ended_at !== null;
  return (
    <>
      <span className={call.status === "succeeded" ? "sr-only" : ""}>
        {words.t(call.code === "refused" ? "call.refused" : `call.${call.status}`)}
      </span>
      {ended && <Elapsed start={call.started_at ?? 0} end={call.ended_at} testid="call-elapsed" />}
    </>
  );
}

function Attempt({ n }: { n: number }) {
  const words = useWords();
  return (
    <Tip text={words.t("call.attempt_hint", { n })}>
      <span className="chip flex-none bg-accent-soft text-accent">{words.t("call.attempt", { n })}</span>
    </Tip>
  );
}

function ProgressLine({ call, name }: { call: CallView; name: string }) {
  const words = useWords();
  const { fraction = null, note = "" } = call.progress ?? {};
  const percent = fraction === null ? null : Math.round(fraction * 100);
  return (
    <div className="px-3.5 pb-3 pl-10">
      <div
        className="h-1.5 overflow-hidden rounded-full bg-line"
        role="progressbar"
        aria-label={words.t("call.progress", { name })}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        data-testid="call-progress"
      >
        <div
          className={`h-full rounded-full bg-accent transition-[width] duration-300 ${percent === null ? "bar-unknown" : ""}`}
          style={percent === null ? undefined : { width: `${percent}%` }}
        />
      </div>
      {(note || percent !== null) && (
        <p className="mt-1.5 flex justify-between gap-3 text-xs text-ink-2">
          <span className="min-w-0 [overflow-wrap:anywhere]" data-testid="call-note">
            {note}
          </span>
          {percent !== null && <span className="tabular-nums">{percent}%</span>}
        </p>
      )}
    </div>
  );
}

function Failure({ call, open }: { call: CallView; open: boolean }) {
  const words = useWords();
  const why = call.code ? words.code("problem", call.code, call.code) : "";
  // What a person said of a call that they refused stands beside their name; the preview is for the model.
  if (call.code === "refused" && call.approval != null) return null;
  const said = open ? "" : call.preview;
  if (!why && !said) return null;
  return (
    <div className="px-3.5 pb-2.5 pl-10 text-xs text-ink-2">
      {why && <p className={call.status === "failed" ? "text-danger" : ""}>{why}</p>}
      {said && (
        <p className="mt-0.5 line-clamp-2 [overflow-wrap:anywhere]" data-testid="call-preview">
          {said}
        </p>
      )}
    </div>
  );
}
