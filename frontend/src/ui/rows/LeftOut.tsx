import { EyeOff, Undo2 } from "lucide-react";
import { useState } from "react";
import type { MessageItem } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";

interface Props {
  conversation: string;
  /** The message, note or step. */
  id: string;
  mark: NonNullable<MessageItem["left_out"]>;
  /** Names of the pictures that are left out; empty: all of the item is. */
  names: readonly string[];
  /** A step's results are left out, not its words. */
  step?: boolean;
}

/** That later requests go without an item because the provider refused it, why, and the way back. */
export function LeftOut({ conversation, id, mark, names, step = false }: Props) {
  const words = useWords();
  const client = useClient();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const what =
    names.length > 0
      ? words.t("left_out.files", { names: names.join(", ") })
      : words.t(step ? "left_out.results" : "left_out.all");
  const takeBack = async () => {
    setBusy(true);
    const outcome = await client.takeBack(conversation, id);
    setBusy(false);
    if (outcome.status === "rejected")
      setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  return (
    <div
      className="my-1 flex max-w-full items-start gap-2 rounded-lg border border-warn-line bg-warn-soft px-3 py-2 text-left text-xs text-ink"
      data-testid="left-out"
      data-reason={mark.reason}
    >
      <EyeOff size={14} className="mt-0.5 flex-none text-warn" aria-hidden="true" />
      <div className="min-w-0">
        <p title={words.fullDate(mark.at)}>
          {what} {words.code("left_out", mark.reason, words.t("left_out.refused"))}
        </p>
        {mark.detail && <p className="mt-0.5 text-ink-2 [overflow-wrap:anywhere]">{mark.detail}</p>}
        {problem && <p className="mt-0.5 text-danger">{problem}</p>}
        <button
          type="button"
          className="button small mt-1.5"
          data-testid="take-back"
          disabled={busy}
          onClick={() => void takeBack()}
        >
          <Undo2 size={13} aria-hidden="true" /> {words.t("left_out.take_back")}
        </button>
      </div>
    </div>
  );
}
