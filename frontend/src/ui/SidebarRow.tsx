import { CircleAlert, CloudUpload, Ellipsis } from "lucide-react";
import { memo } from "react";
import type { ListEntry } from "../sync";
import { EntryItems } from "./EntryItems";
import { useWords } from "./i18n";
import { Menu } from "./parts/Menu";
import { addressOf } from "./route";

interface Props {
  entry: ListEntry;
  active: boolean;
  unread: boolean;
  now: number;
  onGo: (conversation: string) => void;
  onRename: (entry: ListEntry) => void;
  onDelete: (entry: ListEntry) => void;
  /** Several are being chosen: whether this one is; null: none are. */
  chosen: boolean | null;
  onChoose: (id: string, chosen: boolean) => void;
}

/** One conversation in the list: title, what its run does, when it last changed. */
export const SidebarRow = memo(function SidebarRow(props: Props) {
  const { entry, active, unread, now, onGo, onRename, onDelete, chosen, onChoose } = props;
  const words = useWords();
  const title = entry.title || words.t("list.untitled");
  return (
    <li
      className={`group relative flex items-center rounded-lg ${active ? "bg-hover" : "hover:bg-hover/70"}`}
      data-testid="conversation-row"
      data-id={entry.id}
      data-active={active}
      data-run={entry.run_status ?? "none"}
      data-pending={entry.pending}
      data-unread={unread}
    >
      {chosen !== null && (
        <input
          type="checkbox"
          className="ml-2.5 size-4 flex-none accent-(--accent)"
          checked={chosen}
          disabled={entry.pending}
          aria-label={words.t("list.choose", { title })}
          data-testid="choose"
          onChange={(event) => onChoose(entry.id, event.target.checked)}
        />
      )}
      <a
        href={addressOf(entry.id)}
        className="flex min-h-9 min-w-0 flex-1 items-center gap-2 rounded-lg py-1.5 pr-2 pl-2.5 text-sm focus-visible:-outline-offset-2 pointer-coarse:min-h-11"
        aria-current={active ? "page" : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          onGo(entry.id);
        }}
      >
        <RunMark entry={entry} />
        {/* relative: what is for screen readers alone stands behind a long title, and would have the list scroll sideways. */}
        <span
          className={`relative min-w-0 flex-1 truncate ${unread ? "font-semibold" : active ? "font-medium" : ""}`}
        >
          {title}
          {unread && <span className="sr-only">, {words.t("list.unread")}</span>}
        </span>
        {unread && <span className="size-2 flex-none rounded-full bg-accent" aria-hidden="true" />}
        <span className="flex-none pr-0.5 text-xs text-ink-3 tabular-nums group-focus-within:opacity-0 group-hover:opacity-0 pointer-coarse:pr-9 pointer-coarse:opacity-100!">
          {entry.pending ? "" : words.shortDate(entry.updated_at, now)}
        </span>
      </a>
      <span className="absolute right-1 opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 has-data-[state=open]:opacity-100 pointer-coarse:opacity-100">
        <Menu
          trigger={
            <button
              type="button"
              className="icon-button small"
              aria-label={words.t("list.open_menu", { title })}
              data-testid="conversation-menu"
            >
              <Ellipsis size={16} />
            </button>
          }
        >
          <EntryItems entry={entry} onRename={onRename} onDelete={onDelete} />
        </Menu>
      </span>
    </li>
  );
});

/** What the run of a conversation does, as a mark that does not rely on colour alone for screen readers. */
function RunMark({ entry }: { entry: ListEntry }) {
  const words = useWords();
  const status = entry.run_status;
  if (entry.pending) {
    return <CloudUpload size={14} className="flex-none text-ink-3" aria-label={words.t("message.sending")} />;
  }
  if (status === "failed") {
    return <CircleAlert size={14} className="flex-none text-danger" aria-label={words.t("run.failed")} />;
  }
  if (status === "queued" || status === "running" || status === "recovering" || status === "waiting") {
    const tint = status === "running" || status === "queued" ? "text-accent" : "text-warn";
    return (
      <span className={`grid size-3.5 flex-none place-items-center ${tint}`}>
        <span className="pulse-dot" role="img" aria-label={words.t(`run.${status}`)} />
      </span>
    );
  }
  return null;
}
