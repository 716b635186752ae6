import { GitBranch } from "lucide-react";
import { useState } from "react";
import type { ForkView } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { Ways } from "./Ways";

interface Props {
  conversation: string;
  /** A fork behind which nothing stands yet on the branch that is shown. */
  fork: ForkView | null;
  /** The branch on which an answer is being made, if that is another one. */
  running: string | null;
}

/** Under the last row: that there is more on another branch, and what goes on there. */
export function OtherBranches({ conversation, fork, running }: Props) {
  const words = useWords();
  const client = useClient();
  const [problem, setProblem] = useState("");
  const show = async (branch: string) => {
    const outcome = await client.choose(conversation, branch);
    if (outcome.status === "rejected")
      setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  return (
    <div
      className="flex min-h-8 flex-wrap items-center gap-x-2 pt-1 text-xs text-ink-3 md:pl-11"
      data-testid="other-branches"
      data-running={running ?? "none"}
    >
      <GitBranch size={13} className="flex-none" aria-hidden="true" />
      <span>{words.t(running === null ? "branches.more" : "branches.running")}</span>
      {running !== null && (
        <button
          type="button"
          className="button small"
          data-testid="show-running"
          data-holds
          onClick={() => void show(running)}
        >
          {words.t("branches.show")}
        </button>
      )}
      {fork && <Ways conversation={conversation} fork={fork} />}
      {problem && (
        <span className="text-danger" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
