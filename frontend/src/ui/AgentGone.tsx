import { ArrowRight, ChevronDown, PowerOff } from "lucide-react";
import { useState } from "react";
import type { Client } from "../sync";
import { AgentItems } from "./AgentChange";
import { useClient, useSetup } from "./client";
import { useWords } from "./i18n";
import { Menu } from "./parts/Menu";
import { addressOf } from "./route";

/**
 * Carry a text to the page of a new conversation, where another agent can be chosen. The page is loaded anew, because
 * which agents there are may have changed since; what is not sent is kept as its draft.
 */
function goOnElsewhere(client: Client, text: string): void {
  const { text: there, files } = client.drafts.get(null);
  const parts = [there, text].filter((part) => part !== "");
  client.drafts.set(null, { text: parts.join("\n\n"), files });
  window.location.assign(addressOf(null));
}

/** What was said last and not answered, or is still being written. */
function unanswered(client: Client, conversation: string): string {
  const draft = client.drafts.get(conversation).text;
  if (draft !== "") return draft;
  const last = client
    .conversation(conversation)
    .getSnapshot()
    .items.findLast((item) => item.kind === "message");
  return last?.kind === "message" ? last.text : "";
}

/** The way on from a conversation whose agent is switched off: what was asked goes to another one. */
export function GoOnElsewhere({ conversation, text }: { conversation: string; text?: string }) {
  const client = useClient();
  const words = useWords();
  return (
    <button
      type="button"
      className="button small"
      data-testid="go-on-elsewhere"
      onClick={() => goOnElsewhere(client, text ?? unanswered(client, conversation))}
    >
      {words.t("agent.elsewhere")}
      <ArrowRight size={14} aria-hidden="true" />
    </button>
  );
}

/** Above the composer of a conversation whose agent is switched off: another one can answer in it. */
export function AgentGone(props: { conversation: string; agent: string; name: string; busy: boolean }) {
  const { conversation, name } = props;
  const words = useWords();
  const { agents } = useSetup();
  const [problem, setProblem] = useState("");
  return (
    <div
      className="mb-2 flex flex-wrap items-center gap-x-3 gap-y-1.5 rounded-xl border border-warn-line bg-warn-soft px-3.5 py-2 text-sm"
      role="note"
      data-testid="agent-gone"
    >
      <PowerOff size={15} className="flex-none text-warn" aria-hidden="true" />
      <span className="min-w-0 flex-1">{words.t("agent.off", { agent: name })}</span>
      {agents.length > 0 && (
        <Menu
          side="top"
          trigger={
            <button type="button" className="button small" data-testid="agent-gone-change">
              {words.t("agent.here")}
              <ChevronDown size={14} aria-hidden="true" />
            </button>
          }
        >
          <AgentItems {...props} onProblem={setProblem} />
        </Menu>
      )}
      <GoOnElsewhere conversation={conversation} />
      {problem && (
        <span className="basis-full text-danger" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}
