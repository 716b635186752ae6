import { ArrowRight, Scissors } from "lucide-react";
import type { Incomplete as Why } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";

interface Props {
  conversation: string;
  why: Why;
  /** Whether the reader is offered to have it go on. */
  goesOn: boolean;
}

/** Under an answer that is not whole: why, and a button that asks the agent to go on (rule R14). */
export function Incomplete({ conversation, why, goesOn }: Props) {
  const words = useWords();
  const client = useClient();
  return (
    <div
      className="mt-1.5 mb-1 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl border border-warn-line bg-warn-soft px-3.5 py-2 text-sm text-ink"
      role="note"
      data-testid="incomplete"
      data-why={why}
    >
      <span className="flex min-w-0 items-center gap-2">
        <Scissors size={15} className="flex-none text-warn" aria-hidden="true" />
        {words.code("incomplete", why, words.t("incomplete.other"))}
      </span>
      {goesOn && (
        <button
          type="button"
          className="button"
          data-testid="continue"
          onClick={() => client.send(conversation, words.t("incomplete.go_on"))}
        >
          {words.t("incomplete.continue")}
          <ArrowRight size={15} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
