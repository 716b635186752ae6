import { ChevronDown } from "lucide-react";
import { useState } from "react";
import { useAgentName, useClient, useSetup } from "./client";
import { useWords } from "./i18n";
import { Menu, MenuChoices, MenuLabel } from "./parts/Menu";

interface Props {
  conversation: string;
  /** The slug of the agent that answers. */
  agent: string;
  /** Whether an answer is being made: it keeps its agent, so another one has to wait. */
  busy: boolean;
}

/** Who answers, and a menu of who else could from here on. */
export function AgentChange(props: Props) {
  const words = useWords();
  const name = useAgentName(props.agent);
  const [problem, setProblem] = useState("");
  return (
    <span className="hidden min-w-0 flex-none items-center gap-1 sm:inline-flex">
      <Menu
        align="start"
        trigger={
          <button
            type="button"
            className="inline-flex h-7 max-w-64 items-center gap-1 rounded-md px-1.5 text-[0.8125rem] text-ink-2 hover:bg-hover hover:text-ink"
            aria-label={`${words.t("agent.change")}: ${name}`}
            data-testid="agent-change"
            data-agent={props.agent}
          >
            <span className="truncate">{name}</span>
            <ChevronDown size={13} className="flex-none" aria-hidden="true" />
          </button>
        }
      >
        <AgentItems {...props} onProblem={setProblem} />
      </Menu>
      {problem && (
        <span className="truncate text-xs text-danger" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}

/** The agents to choose from, for a menu. */
export function AgentItems(props: Props & { onProblem?: (text: string) => void }) {
  const { conversation, agent, busy, onProblem } = props;
  const client = useClient();
  const words = useWords();
  const { agents } = useSetup();
  const change = async (slug: string) => {
    if (slug === agent) return;
    onProblem?.("");
    const outcome = await client.changeAgent(conversation, slug);
    if (outcome.status === "rejected")
      onProblem?.(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  if (busy) return <MenuLabel>{words.t("agent.busy")}</MenuLabel>;
  return (
    <MenuChoices
      label={words.t("agent.change")}
      value={agent}
      choices={agents.map(({ slug, name, description }) => ({
        value: slug,
        label: name,
        hint: description,
        testid: `agent-change-${slug}`,
      }))}
      onChoose={(slug) => void change(slug)}
    />
  );
}
