import { useState } from "react";
import type { ConversationView, MessageItem } from "../sync";
import { useClient } from "./client";
import { useWords } from "./i18n";

interface Props {
  view: ConversationView;
  waiting: readonly MessageItem[];
  onTakenBack: (...items: readonly MessageItem[]) => void;
}

/** What becomes of messages that wait when the run is stopped, and the stop that takes them back. */
export function WaitingLine({ view, waiting, onTakenBack }: Props) {
  const words = useWords();
  const client = useClient();
  const [problem, setProblem] = useState("");
  if (waiting.length === 0) return null;
  const stop = async () => {
    setProblem("");
    const outcome = await client.stop(view.id, true);
    if (outcome.status === "applied") onTakenBack(...waiting);
    else setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  return (
    <div
      className="flex flex-wrap items-center gap-x-3 gap-y-1 px-1 pb-1 text-[0.8125rem] text-ink-2"
      data-testid="waiting-line"
    >
      <span>{words.t(waiting.length === 1 ? "waiting.one" : "waiting.many", { n: waiting.length })}</span>
      <button
        type="button"
        className="button small"
        disabled={view.stopping}
        data-testid="stop-withdraw"
        onClick={() => void stop()}
      >
        {words.t("waiting.stop")}
      </button>
      {problem && (
        <span className="text-danger" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
