import { ArrowUpToLine, Ellipsis, PanelLeft, SquarePen, TextSearch } from "lucide-react";
import type { ListEntry, RunView, Usage } from "../sync";
import { AgentChange, AgentItems } from "./AgentChange";
import { useAgentName, useList, useSetup } from "./client";
import { EntryItems } from "./EntryItems";
import { useWords } from "./i18n";
import { jumpTo } from "./jump";
import { Menu, MenuItem, MenuLabel, MenuLine } from "./parts/Menu";
import { Tip } from "./parts/Tip";
import { navigate } from "./route";
import { usageLines } from "./usage";
import { isActive } from "./view";

interface Props {
  controls: {
    /** Whether the list is hidden, so that a button has to bring it back. */
    sidebarHidden: boolean;
    onSidebar: () => void;
    onRename: (entry: ListEntry) => void;
    onDelete: (entry: ListEntry) => void;
    /** Look for something within the conversation. */
    onFind: () => void;
  };
  conversation: string | null;
  title: string | undefined;
  agent: string | undefined;
  /** The conversation itself, where the list does not have it: beyond its first page, or hidden by a search. */
  own?: ListEntry | null;
  /** Its latest run: while it is at work its agent stays. */
  run?: RunView | null;
  /** What the conversation has taken so far. */
  usage?: Usage | undefined;
}

/** The line on top: which conversation this is, and with whom. */
export function Header({ controls, conversation, title, agent, own = null, run = null, usage }: Props) {
  const words = useWords();
  const name = useAgentName(agent);
  const taken = usageLines(usage, words);
  const { agents } = useSetup();
  const choice = conversation !== null && own !== null && agents.some(({ slug }) => slug !== agent);
  const change = choice ? { conversation, agent: agent ?? "", busy: isActive(run) } : null;
  const entry = useList().conversations.find((each) => each.id === conversation) ?? own;
  const shown =
    conversation === null ? words.t("list.new") : title || entry?.title || words.t("list.untitled");
  return (
    <header className="safe-top flex-none border-b border-line/70">
      <div className="flex h-14 items-center gap-1 px-2 md:px-3">
        {controls.sidebarHidden && (
          <Tip text={words.t("list.open_sidebar")} side="bottom">
            <button
              type="button"
              className="icon-button"
              aria-label={words.t("list.open_sidebar")}
              data-testid="open-sidebar"
              onClick={controls.onSidebar}
            >
              <PanelLeft size={19} />
            </button>
          </Tip>
        )}
        <div className="flex min-w-0 flex-1 items-baseline gap-2.5 px-2">
          <h1 className="min-w-0 truncate text-[0.9375rem] font-semibold">{shown}</h1>
          {change ? (
            <AgentChange {...change} />
          ) : (
            name &&
            conversation !== null && (
              <span className="hidden flex-none truncate text-[0.8125rem] text-ink-2 sm:inline">{name}</span>
            )
          )}
        </div>
        {controls.sidebarHidden && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.t("list.new")}
            onClick={() => navigate(null)}
          >
            <SquarePen size={18} />
          </button>
        )}
        {entry && (
          <Menu
            trigger={
              <button
                type="button"
                className="icon-button"
                aria-label={words.t("list.open_menu", { title: shown })}
                data-testid="header-menu"
              >
                <Ellipsis size={19} />
              </button>
            }
          >
            <MenuItem
              icon={<TextSearch size={15} />}
              testid="menu-find"
              onSelect={() => setTimeout(controls.onFind)}
            >
              {words.t("find.title")}
            </MenuItem>
            <MenuItem
              icon={<ArrowUpToLine size={15} />}
              testid="menu-first"
              onSelect={() => jumpTo({ conversation: entry.id, item: "", seq: 1, branch: "" })}
            >
              {words.t("log.first")}
            </MenuItem>
            <MenuLine />
            <EntryItems entry={entry} onRename={controls.onRename} onDelete={controls.onDelete} />
            {change && (
              <div className="sm:hidden">
                <MenuLine />
                <AgentItems {...change} />
              </div>
            )}
            {taken.length > 0 && (
              <>
                <MenuLine />
                <MenuLabel>
                  <span data-testid="usage">
                    {words.t("usage.title")}
                    {taken.map((line) => (
                      <span key={line} className="block font-normal">
                        {line}
                      </span>
                    ))}
                  </span>
                </MenuLabel>
              </>
            )}
          </Menu>
        )}
      </div>
    </header>
  );
}
