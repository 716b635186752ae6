import { FileUp, PanelLeftClose, Search, SquarePen, TextSearch, X } from "lucide-react";
import {
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { ListEntry } from "../sync";
import { AccountMenu } from "./AccountMenu";
import { useClient, useList } from "./client";
import { daysAgo } from "./format";
import { type Key, useWords } from "./i18n";
import { KeptLinks } from "./KeptLinks";
import { ListFoot } from "./ListFoot";
import { Logo } from "./parts/Logo";
import { Tip } from "./parts/Tip";
import type { Kept } from "./route";
import { SidebarRow } from "./SidebarRow";
import { useNow } from "./ticker";
import { useUnread } from "./useCallBack";

export interface SidebarHandle {
  focusSearch: () => void;
}

interface Props {
  current: string | null;
  onGo: (conversation: string | null) => void;
  onRename: (entry: ListEntry) => void;
  onDelete: (entry: ListEntry) => void;
  onHelp: () => void;
  onSearch: (typed: string) => void;
  onImport: () => void;
  /** The page beside the conversations that is shown. */
  page: Kept | null;
  onPage: (kind: Kept) => void;
  onClose: () => void;
  ref?: Ref<SidebarHandle>;
}

const localClock = () => Date.now();

/** The list of conversations with its search, and the account. */
export function Sidebar(props: Props) {
  const words = useWords();
  const search = useRef<HTMLInputElement>(null);
  useImperativeHandle(props.ref, () => ({ focusSearch: () => search.current?.focus() }), []);
  return (
    <div
      className="safe-top safe-bottom flex h-full min-h-0 w-full flex-col bg-surface"
      data-testid="sidebar"
    >
      <div className="flex h-14 flex-none items-center gap-2.5 pr-2.5 pl-4">
        <Logo size={26} />
        <span className="flex-1 text-[0.9688rem] font-semibold tracking-tight">{words.t("app.name")}</span>
        <Tip text={words.t("list.close_sidebar")} side="bottom">
          <button
            type="button"
            className="icon-button"
            aria-label={words.t("list.close_sidebar")}
            onClick={props.onClose}
          >
            <PanelLeftClose size={18} />
          </button>
        </Tip>
      </div>
      <div className="flex-none space-y-2 px-3 pb-2">
        <div className="flex gap-1.5">
          <button
            type="button"
            className="button min-w-0 flex-1 justify-start! gap-2.5! px-3!"
            data-testid="new-conversation"
            onClick={() => props.onGo(null)}
          >
            <SquarePen size={16} className="flex-none text-accent" aria-hidden="true" />
            <span className="truncate">{words.t("list.new")}</span>
          </button>
          <Tip text={words.t("list.import")} side="bottom">
            <button
              type="button"
              className="button flex-none px-2.5!"
              aria-label={words.t("list.import")}
              data-testid="import"
              onClick={props.onImport}
            >
              <FileUp size={16} className="text-ink-2" aria-hidden="true" />
            </button>
          </Tip>
        </div>
        <SearchField field={search} onSearch={props.onSearch} />
      </div>
      <Conversations {...props} />
      <div className="flex-none border-t border-line p-2">
        <KeptLinks page={props.page} onPage={props.onPage} />
        <AccountMenu onHelp={props.onHelp} />
      </div>
    </div>
  );
}

function SearchField(props: {
  field: React.RefObject<HTMLInputElement | null>;
  onSearch: (typed: string) => void;
}) {
  const { field, onSearch } = props;
  const client = useClient();
  const words = useWords();
  const { query, archived } = useList();
  const [text, setText] = useState(query);
  useEffect(() => {
    if (text === query) return;
    const timer = setTimeout(() => client.search(text.trim(), archived), text === "" ? 0 : 200);
    return () => clearTimeout(timer);
  }, [client, text, query, archived]);
  return (
    <div className="relative">
      <Search
        size={15}
        className="pointer-events-none absolute top-2.5 left-3 text-ink-3"
        aria-hidden="true"
      />
      <input
        ref={field}
        type="search"
        className="field py-1! pr-8! pl-8.5! text-sm! [&::-webkit-search-cancel-button]:hidden"
        placeholder={words.t("list.search")}
        aria-label={words.t("list.search")}
        value={text}
        maxLength={200}
        data-testid="search"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return;
          if (event.key === "Enter" && text.trim() !== "") {
            event.preventDefault();
            onSearch(text.trim());
            return;
          }
          if (event.key !== "Escape" || text === "") return;
          event.stopPropagation();
          event.preventDefault();
          setText("");
        }}
      />
      {text !== "" && (
        <button
          type="button"
          className="icon-button small absolute top-1 right-1"
          aria-label={words.t("list.clear_search")}
          onClick={() => {
            setText("");
            field.current?.focus();
          }}
        >
          <X size={14} />
        </button>
      )}
      {text.trim() !== "" && (
        <button
          type="button"
          className="mt-1 flex w-full items-center gap-2 rounded-lg px-2.5 py-1.5 text-left text-sm text-accent hover:bg-hover"
          data-testid="search-texts"
          onClick={() => onSearch(text.trim())}
        >
          <TextSearch size={15} className="flex-none" aria-hidden="true" />
          <span className="min-w-0 truncate">{words.t("search.for", { query: text.trim() })}</span>
        </button>
      )}
    </div>
  );
}

/** The row of what is shown beside it: its run and title are known live, while the list is only fetched. */
function CurrentRow(props: React.ComponentProps<typeof SidebarRow>) {
  const { subscribe, getSnapshot } = useClient().conversation(props.entry.id);
  // Plain values, so that the row is not rendered for every piece of a streaming text.
  const status = useSyncExternalStore(subscribe, () => getSnapshot().run?.status);
  const title = useSyncExternalStore(subscribe, () => getSnapshot().info?.title);
  const { entry } = props;
  const shown = useMemo(
    () => ({ ...entry, title: title ?? entry.title, run_status: status ?? entry.run_status }),
    [entry, title, status],
  );
  return <SidebarRow {...props} entry={shown} />;
}

type Group = { label: Key; entries: ListEntry[] };

/** The list by age of the last change; the order within is the server's. */
function groupByAge(entries: readonly ListEntry[], now: number): Group[] {
  const groups: Group[] = [
    { label: "list.pinned", entries: [] },
    { label: "list.today", entries: [] },
    { label: "list.yesterday", entries: [] },
    { label: "list.week", entries: [] },
    { label: "list.older", entries: [] },
  ];
  for (const entry of entries) {
    const days = entry.pending ? 0 : daysAgo(entry.updated_at, now);
    const age = days <= 0 ? 1 : days === 1 ? 2 : days <= 7 ? 3 : 4;
    groups[entry.pinned ? 0 : age]?.entries.push(entry);
  }
  return groups.filter((group) => group.entries.length > 0);
}

function Conversations({ current, onGo, onRename, onDelete }: Props) {
  const client = useClient();
  const words = useWords();
  const list = useList();
  const now = useNow(localClock, true, 60_000);
  const unread = useUnread();
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const choose = useCallback((id: string, wanted: boolean) => {
    setChosen((before) => {
      const after = new Set(before);
      if (wanted) after.add(id);
      else after.delete(id);
      return after;
    });
  }, []);
  const groups = useMemo(() => groupByAge(list.conversations, now), [list.conversations, now]);
  const foot = <ListFoot chosen={chosen} onChosen={setChosen} />;
  if (list.conversations.length === 0) {
    return (
      <>
        <div className="min-h-0 flex-1 px-5 py-6 text-sm text-ink-2">
          {list.status === "loading" && words.t("app.loading")}
          {list.status === "failed" && (
            <>
              <p>{words.t("app.failed")}</p>
              <button type="button" className="button small mt-2" onClick={() => client.refreshList()}>
                {words.t("app.try_again")}
              </button>
            </>
          )}
          {list.status === "ready" &&
            (list.query
              ? words.t("list.nothing_found", { query: list.query })
              : words.t(list.archived ? "list.archive_empty" : "list.empty"))}
        </div>
        {foot}
      </>
    );
  }
  return (
    <>
      <nav
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-2 pb-3"
        aria-label={words.t("list.title")}
      >
        {groups.map((group) => (
          <section key={group.label} aria-label={words.t(group.label)}>
            <h2 className="px-2.5 pt-3.5 pb-1 text-xs font-medium text-ink-3">{words.t(group.label)}</h2>
            <ul>
              {group.entries.map((entry) => {
                const Row = entry.id === current ? CurrentRow : SidebarRow;
                return (
                  <Row
                    key={entry.id}
                    entry={entry}
                    active={entry.id === current}
                    unread={unread.has(entry.id) && entry.id !== current}
                    now={now}
                    onGo={onGo}
                    onRename={onRename}
                    onDelete={onDelete}
                    chosen={chosen === null ? null : chosen.has(entry.id)}
                    onChoose={choose}
                  />
                );
              })}
            </ul>
          </section>
        ))}
        {list.more && (
          <button
            type="button"
            className="button small mx-2.5 mt-3"
            disabled={list.loadingMore}
            onClick={() => client.loadMoreConversations()}
          >
            {words.t(list.loadingMore ? "app.loading" : "list.more")}
          </button>
        )}
      </nav>
      {foot}
    </>
  );
}
