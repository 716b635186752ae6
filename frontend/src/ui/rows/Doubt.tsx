import { useId, useRef, useState } from "react";
import { type CallView, MAX_TEXT } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { useKept } from "../parts/kept";

type Decision = "happened" | "did_not_happen" | "run_again";

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
  const [asking, setAsking] = useKept(`doubt:${call.id}`, false);
  const [result, setResult] = useKept(`doubt-result:${call.id}`, "");
  const [sent, setSent] = useState<Decision | null>(null);
  const [problem, setProblem] = useState("");

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

  return (
    <fieldset className="px-3.5 pb-3.5 pl-10 text-sm" disabled={sent !== null} data-testid="doubt">
      <legend className="sr-only">{words.t("doubt.title")}</legend>
      <p className="font-medium" aria-hidden="true">
        {words.t("doubt.title")}
      </p>
      <p className="mt-0.5 text-ink-2">{words.t("doubt.body")}</p>
      {asking ? (
        <div className="mt-3 space-y-2">
          <label htmlFor={id} className="block text-xs font-medium text-ink-2">
            {words.t("doubt.result_label")}
          </label>
          <textarea
            id={id}
            className="field resize-y"
            ref={(field) => {
              if (asked.current) field?.focus();
              asked.current = false;
            }}
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
            <button
              type="button"
              className="button small"
              onClick={() => {
                keepFocus();
                setAsking(false);
              }}
            >
              {words.t("dialog.cancel")}
            </button>
          </div>
        </div>
      ) : (
        <div className="mt-3 flex flex-wrap gap-2">
          <button
            type="button"
            className="button small"
            data-testid="doubt-happened"
            onClick={() => {
              asked.current = true;
              setAsking(true);
            }}
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
            onClick={() => void decide("run_again")}
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
