import { ChevronDown } from "lucide-react";
import { useSetup } from "./client";
import { useWords } from "./i18n";
import { Menu, MenuChoices } from "./parts/Menu";

/** Which agent a new conversation is with; only a name when there is but one. */
export function AgentChoice({ value, onChoose }: { value: string; onChoose: (slug: string) => void }) {
  const { agents } = useSetup();
  const words = useWords();
  const name = agents.find((agent) => agent.slug === value)?.name ?? value;
  if (agents.length < 2) {
    return (
      <span className="truncate px-1.5" data-testid="agent-choice">
        {name}
      </span>
    );
  }
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button
          type="button"
          className="flex h-8 min-w-0 items-center gap-1 rounded-lg px-2 text-[0.8125rem] font-medium text-ink-2 hover:bg-hover"
          aria-label={`${words.t("agent.choose")}: ${name}`}
          data-testid="agent-choice"
        >
          <span className="truncate">{name}</span>
          <ChevronDown size={14} aria-hidden="true" />
        </button>
      }
    >
      <MenuChoices
        label={words.t("agent.choose")}
        value={value}
        onChoose={onChoose}
        choices={agents.map((agent) => ({
          value: agent.slug,
          label: agent.name,
          hint: agent.description,
          testid: `agent-${agent.slug}`,
        }))}
      />
    </Menu>
  );
}
