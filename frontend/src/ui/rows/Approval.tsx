import { Check, X } from "lucide-react";
import { useId, useRef } from "react";
import { type ApprovalView, type CallView, MAX_NOTE } from "../../sync";
import { useClient, useSetup } from "../client";
import { useWords } from "../i18n";
import { useKept } from "../parts/kept";
import { exactArguments } from "../view";

type Decision = "approve" | "refuse";

interface Props {
  conversation: string;
  call: CallView;
  /** Puts the focus on the card, before the button that has it leaves: else it would fall to the page. */
  keepFocus: () => void;
}

/**
 * A call that runs only after a person has seen its arguments and allows it (rule W8). The choice is a command like any
 * other: it may be made offline, is carried out once, and loses to one that was quicker.
 */
export function Approval({ conversation, call, keepFocus }: Props) {
  const client = useClient();
  const words = useWords();
  const id = useId();
  // Only the click moves the focus, not a row that is scrolled back into sight.
  const asked = useRef(false);
  const [asking, setAsking] = useKept(`approval:${call.id}`, false);
  const [note, setNote] = useKept(`approval-note:${call.id}`, "");
  // Kept, because a row that is scrolled away and back must not offer the choice a second time.
  const [sent, setSent] = useKept<Decision | null>(`approval-sent:${call.id}`, null);
  const [, setMine] = useKept<Decision | null>(`approval-mine:${call.id}`, null);
  const [problem, setProblem] = useKept(`approval-problem:${call.id}`, "");

  const decide = async (decision: Decision) => {
    keepFocus();
    setSent(decision);
    setMine(decision);
    setProblem("");
    const digest = call.approval?.digest ?? "";
    const reason = decision === "refuse" ? note.trim() : undefined;
    const outcome = await client.approve(conversation, call.id, digest, decision, reason);
    if (outcome.status === "rejected") {
      setSent(null);
      setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
    }
  };

  return (
    <fieldset className="px-3.5 pb-3.5 pl-10 text-sm" disabled={sent !== null} data-testid="approval">
      <legend className="sr-only">{words.t("approval.title")}</legend>
      <p className="font-medium" aria-hidden="true">
        {words.t("approval.title")}
      </p>
      <p className="mt-0.5 text-ink-2">{words.t("approval.body")}</p>
      <pre
        className="plain-code mt-2 max-h-64 rounded-lg border border-line bg-sunken px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long texts are scrolled by keyboard.
        tabIndex={0}
        // Who allows it allows these very words, not a translation of them.
        translate="no"
        data-testid="approval-arguments"
      >
        {exactArguments(call.arguments)}
      </pre>
      {asking ? (
        <div className="mt-3 space-y-2">
          <label htmlFor={id} className="block text-xs font-medium text-ink-2">
            {words.t("approval.note_label")}
          </label>
          <textarea
            id={id}
            className="field resize-y"
            ref={(field) => {
              if (asked.current) field?.focus();
              asked.current = false;
            }}
            rows={2}
            maxLength={MAX_NOTE}
            value={note}
            placeholder={words.t("approval.note_placeholder")}
            data-testid="approval-note"
            onChange={(event) => setNote(event.target.value)}
          />
          <div className="flex flex-wrap gap-2">
            <button
              type="button"
              className="button primary small"
              data-testid="approval-confirm"
              onClick={() => void decide("refuse")}
            >
              {words.t("approval.confirm")}
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
            className="button primary small"
            data-testid="approval-allow"
            onClick={() => void decide("approve")}
          >
            {words.t("approval.allow")}
          </button>
          <button
            type="button"
            className="button small"
            data-testid="approval-refuse"
            onClick={() => {
              asked.current = true;
              setAsking(true);
            }}
          >
            {words.t("approval.refuse")}
          </button>
        </div>
      )}
      {sent && <p className="mt-2 text-xs text-ink-2">{words.t("approval.sending")}</p>}
      {problem && (
        <p className="mt-2 text-xs text-danger" role="alert">
          {problem}
        </p>
      )}
    </fieldset>
  );
}

/** Who allowed the call or refused it, and why; also to somebody whose own word came too late. */
export function Decided({ call, approval }: { call: CallView; approval: ApprovalView }) {
  const words = useWords();
  const { boot } = useSetup();
  const [mine] = useKept<Decision | null>(`approval-mine:${call.id}`, null);
  const refused = approval.decision === "refused";
  const { by } = approval;
  const name = by === "" ? words.t("approval.somebody") : by === boot.user ? words.t("approval.you") : by;
  const late = mine !== null && (mine === "refuse") !== refused;
  const Icon = refused ? X : Check;
  return (
    <div
      className="px-3.5 pb-2.5 pl-10 text-xs text-ink-2"
      data-testid="approval-decided"
      data-decision={approval.decision}
    >
      <p className="flex items-center gap-1.5">
        <Icon size={13} className={`flex-none ${refused ? "text-danger" : "text-ok"}`} aria-hidden="true" />
        {words.t(refused ? "approval.refused" : "approval.approved", { name })}
      </p>
      {approval.note && <p className="mt-0.5 [overflow-wrap:anywhere]">{approval.note}</p>}
      {late && <p className="mt-0.5 text-warn">{words.t("approval.late")}</p>}
    </div>
  );
}
