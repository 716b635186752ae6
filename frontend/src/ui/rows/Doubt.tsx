import { CircleHelp, TriangleAlert } from "lucide-react";
import { useId, useRef, useState } from "react";
import { type CallView, MAX_TEXT } from "../../sync";
import { useClient, useSetup } from "../client";
import { useWords } from "../i18n";
import { useKept } from "../parts/kept";
import { exactArguments } from "../view";

type Decision = "happened" | "did_not_happen" | "run_again";
type Asking = "no" | "happened" | "run_again";

interface Props {
  conversation: string;
  call: CallView;
  /** Puts the focus on the card, before the button that has it leaves: else it would fall to the page. */
  keepFocus: () => void;
}

/**
 * A call whose worker died while it ran (rule R4): a person says whether it happened. The choice is a command like
 * any other, so it may be made offline and is carried out once.
 */
export function Doubt({ conversation, call, keepFocus }: Props) {
  const client = useClient();
  const words = useWords();
  const id = useId();
  // Only the click moves the focus, not a row that is scrolled back into sight.
  const asked = useRef(false);
  const [asking, setAsking] = useKept<Asking>(`doubt:${call.id}`, "no");
  const [result, setResult] = useKept(`doubt-result:${call.id}`, "");
  const [sent, setSent] = useState<Decision | null>(null);
  const [problem, setProblem] = useState("");
  const focus = (element: HTMLElement | null) => {
    if (asked.current) element?.focus();
    asked.current = false;
  };
  const ask = (what: Asking) => {
    asked.current = true;
    setAsking(what);
  };

  const decide = async (decision: Decision) => {
    keepFocus();
    setSent(decision);
    setProblem("");
    const outcome = await client.settle(
      conversation,
      call.id,
      decision,
      decision === "happened" ? result.trim() : undefined,
    );
    if (outcome.status === "rejected") {
      setSent(null);
      setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
    }
  };

  const cancel = (
    <button
      type="button"
      className="button small"
      data-testid="doubt-cancel"
      onClick={() => {
        keepFocus();
        setAsking("no");
      }}
    >
      {words.t("dialog.cancel")}
    </button>
  );

  return (
    <fieldset className="px-3.5 pb-3.5 pl-10 text-sm" disabled={sent !== null} data-testid="doubt">
      <legend className="sr-only">{words.t("doubt.title")}</legend>
      <p className="font-medium" aria-hidden="true">
        {words.t("doubt.title")}
      </p>
      <p className="mt-0.5 text-ink-2">{words.t("doubt.body")}</p>
      <Facts call={call} />
      {asking === "happened" && (
        <div className="mt-3 space-y-2">
          <label htmlFor={id} className="block text-xs font-medium text-ink-2">
            {words.t("doubt.result_label")}
          </label>
          <textarea
            id={id}
            className="field resize-y"
            ref={focus}
            rows={2}
            maxLength={MAX_TEXT}
            value={result}
            placeholder={words.t("doubt.result_placeholder")}
            data-testid="doubt-result"
            onChange={(event) => setResult(event.target.value)}
          />
          <div className="flex flex-wrap gap-2">
            <button
              type="button"
              className="button primary small"
              data-testid="doubt-confirm"
              onClick={() => void decide("happened")}
            >
              {words.t("doubt.confirm")}
            </button>
            {cancel}
          </div>
        </div>
      )}
      {asking === "run_again" && (
        <div className="mt-3 space-y-2">
          <p className="flex gap-2" role="alert" data-testid="doubt-warning">
            <TriangleAlert size={16} className="mt-0.5 flex-none text-warn" aria-hidden="true" />
            {words.t("doubt.warning")}
          </p>
          <div className="flex flex-wrap gap-2">
            <button
              ref={focus}
              type="button"
              className="button danger small"
              data-testid="doubt-run-again-confirm"
              onClick={() => void decide("run_again")}
            >
              {words.t("doubt.run_again_confirm")}
            </button>
            {cancel}
          </div>
        </div>
      )}
      {asking === "no" && (
        <div className="mt-3 flex flex-wrap gap-2">
          <button
            type="button"
            className="button small"
            data-testid="doubt-happened"
            onClick={() => ask("happened")}
          >
            {words.t("doubt.happened")}
          </button>
          <button
            type="button"
            className="button small"
            data-testid="doubt-did-not-happen"
            onClick={() => void decide("did_not_happen")}
          >
            {words.t("doubt.did_not_happen")}
          </button>
          <button
            type="button"
            className="button small"
            data-testid="doubt-run-again"
            onClick={() => ask("run_again")}
          >
            {words.t("doubt.run_again")}
          </button>
        </div>
      )}
      {sent && <p className="mt-2 text-xs text-ink-2">{words.t("doubt.sending")}</p>}
      {problem && (
        <p className="mt-2 text-xs text-danger" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
}

/** What somebody needs to find out what became of it: when it began, how far it was, and with what. */
function Facts({ call }: { call: CallView }) {
  const words = useWords();
  const { fraction = null, note = "" } = call.progress ?? {};
  const far = [fraction === null ? "" : `${Math.round(fraction * 100)}%`, note].filter((part) => part !== "");
  return (
    <>
      <dl className="mt-2 space-y-0.5 text-xs text-ink-2" data-testid="doubt-facts">
        {call.started_at !== null && (
          <div>
            <dt className="inline">{words.t("doubt.started")}: </dt>
            <dd className="inline">
              <time dateTime={new Date(call.started_at).toISOString()}>
                {words.fullDate(call.started_at)}
              </time>
            </dd>
          </div>
        )}
        {far.length > 0 && (
          <div>
            <dt className="inline">{words.t("doubt.last_heard")}: </dt>
            <dd className="inline [overflow-wrap:anywhere]">{far.join(" · ")}</dd>
          </div>
        )}
      </dl>
      <pre
        className="plain-code mt-2 max-h-64 rounded-lg border border-line bg-sunken px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long texts are scrolled by keyboard.
        tabIndex={0}
        translate="no"
        data-testid="doubt-arguments"
      >
        {exactArguments(call.arguments)}
      </pre>
    </>
  );
}

/** Whether the outcome is a person's word: then what stands as its result is theirs, and not the tool's. */
export function isPersonsWord(call: CallView): boolean {
  return call.code === "resolved_by_person";
}

/** Who has said what became of a call in doubt, and in which words. */
export function Settled({ call }: { call: CallView }) {
  const words = useWords();
  const { boot } = useSetup();
  const name = call.by === boot.user ? words.t("approval.you") : call.by || words.t("approval.somebody");
  const happened = call.status === "succeeded";
  return (
    <div
      className="px-3.5 pb-2.5 pl-10 text-xs text-ink-2"
      data-testid="doubt-settled"
      data-happened={happened}
    >
      <p className="flex items-center gap-1.5">
        <CircleHelp size={13} className="flex-none text-warn" aria-hidden="true" />
        {words.t(happened ? "doubt.said_happened" : "doubt.said_not", { name })}
      </p>
      {happened && call.preview !== "" && (
        <blockquote className="mt-1 border-l-2 border-line-strong pl-2.5 whitespace-pre-wrap [overflow-wrap:anywhere]">
          {call.preview}
        </blockquote>
      )}
    </div>
  );
}
