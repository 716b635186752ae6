import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { SearchFilters, SearchHit } from "../sync";
import { useClient, useSetup } from "./client";
import { useWords } from "./i18n";
import { jumpTo } from "./jump";
import { Dialog } from "./parts/Dialog";
import { Snippet } from "./parts/Snippet";
import { navigate } from "./route";
import { useSearch } from "./useSearch";

const KINDS = ["message", "answer", "result"] as const;
const DAYS = [7, 30, 365] as const;
const DAY_MS = 86_400_000;

/** Everything that was said, answered and given, in all conversations; a choice leads to its place. */
export default function SearchDialog(props: { typed: string; onClose: () => void }) {
  const { onClose } = props;
  const words = useWords();
  const id = useId();
  const [typed, setTyped] = useState(props.typed);
  const [filters, setFilters] = useState<SearchFilters>({});
  const [at, setAt] = useState(0);
  const query = typed.trim();
  const found = useSearch(query, filters);
  const all = useMemo(() => [...found.titles, ...found.hits], [found.titles, found.hits]);
  const place = Math.min(at, all.length - 1);
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another one is chosen.
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [place]);
  const go = (hit: SearchHit | undefined) => {
    if (hit === undefined) return;
    onClose();
    const { conversation, item, seq, branch } = hit;
    // After the dialog has given the focus back, or it would take it from what is opened now.
    setTimeout(() => {
      if (hit.kind === "title") navigate(conversation);
      else jumpTo({ conversation, item, seq, branch, query });
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0 && all.length > 0) {
      event.preventDefault();
      if (by > 0 && place === all.length - 1 && found.more) void found.loadMore();
      setAt(Math.max(0, Math.min(all.length - 1, place + by)));
    }
    if (event.key === "Enter") {
      event.preventDefault();
      go(all[place]);
    }
  };
  return (
    <Dialog
      title={words.t("search.title")}
      hideTitle
      className="dialog palette search"
      testid="search-dialog"
      onClose={onClose}
    >
      <input
        className="field"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={place >= 0 ? `${id}-${place}` : undefined}
        aria-autocomplete="list"
        aria-label={words.t("search.label")}
        placeholder={words.t("search.label")}
        value={typed}
        maxLength={200}
        autoFocus
        data-testid="search-input"
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <Filters filters={filters} onChange={setFilters} />
      <div
        ref={list}
        id={`${id}-list`}
        role="listbox"
        aria-label={words.t("search.title")}
        className="mt-2 max-h-[55vh] overflow-y-auto"
      >
        {all.map((hit, index) => (
          <Result
            key={`${hit.conversation} ${hit.kind} ${hit.item} ${hit.at}`}
            id={`${id}-${index}`}
            hit={hit}
            chosen={index === place}
            onGo={() => go(hit)}
            onPoint={() => setAt(index)}
          />
        ))}
      </div>
      {found.more && all.length > 0 && (
        <button
          type="button"
          className="button small mt-2"
          data-testid="search-more"
          onClick={() => void found.loadMore()}
        >
          {words.t("list.more")}
        </button>
      )}
      <p
        className="px-3 py-2 text-sm text-ink-2"
        role="status"
        data-testid="search-status"
        data-status={found.status}
      >
        {query === "" && words.t("search.hint")}
        {query !== "" && found.status === "looking" && all.length === 0 && words.t("app.loading")}
        {found.status === "ready" && all.length === 0 && words.t("list.nothing_found", { query })}
        {found.status === "failed" && (
          <>
            {words.t("app.failed")}{" "}
            <button type="button" className="button small" onClick={found.again}>
              {words.t("app.try_again")}
            </button>
          </>
        )}
      </p>
    </Dialog>
  );
}

function Result(props: {
  id: string;
  hit: SearchHit;
  chosen: boolean;
  onGo: () => void;
  onPoint: () => void;
}) {
  const { id, hit, chosen, onGo, onPoint } = props;
  const words = useWords();
  const title = hit.title || words.t("list.untitled");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      className={`cursor-pointer rounded-lg px-3 py-2 text-sm ${chosen ? "bg-hover" : ""}`}
      data-testid="search-hit"
      data-kind={hit.kind}
      data-conversation={hit.conversation}
      data-item={hit.item}
      onClick={onGo}
      onMouseMove={onPoint}
    >
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="min-w-0 basis-full truncate font-medium sm:flex-1 sm:basis-0">
          {hit.kind === "title" ? <Snippet hit={hit} /> : title}
        </span>
        <span className="flex-none text-xs text-ink-2">
          {words.t(`search.kind_${hit.kind}`)}
          {hit.archived && ` · ${words.t("list.show_archive")}`} · {words.fullDate(hit.at)}
        </span>
      </span>
      {hit.kind !== "title" && (
        <span className="mt-0.5 line-clamp-2 block text-ink-2 [overflow-wrap:anywhere]">
          <Snippet hit={hit} />
        </span>
      )}
    </div>
  );
}

function Filters({ filters, onChange }: { filters: SearchFilters; onChange: (next: SearchFilters) => void }) {
  const words = useWords();
  const client = useClient();
  const { agents, boot } = useSetup();
  const entrances = Object.entries(boot.entrances ?? {});
  const set = (change: { [name in keyof SearchFilters]: SearchFilters[name] | undefined }) => {
    const kept = Object.entries({ ...filters, ...change }).filter(([, value]) => value !== undefined);
    onChange(Object.fromEntries(kept));
  };
  const [days, setDays] = useState("");
  const archived = filters.archived === undefined ? "" : filters.archived ? "1" : "0";
  return (
    <div className="mt-2 flex flex-wrap gap-1.5">
      <Choice
        label={words.t("search.kind")}
        testid="search-kind"
        value={filters.kinds?.[0] ?? ""}
        options={KINDS.map((kind) => [kind, words.t(`search.kind_${kind}`)])}
        onChoose={(kind) => set({ kinds: KINDS.filter((one) => one === kind) })}
      />
      <Choice
        label={words.t("search.when")}
        testid="search-when"
        value={days}
        options={DAYS.map((n) => [String(n), words.t("search.days", { n })])}
        onChoose={(n) => {
          setDays(n);
          set({
            since: n === "" ? undefined : Math.floor(client.now() - Number(n) * DAY_MS),
          });
        }}
      />
      {agents.length > 1 && (
        <Choice
          label={words.t("search.agent")}
          testid="search-agent"
          value={filters.agent ?? ""}
          options={agents.map(({ slug, name }) => [slug, name])}
          onChoose={(agent) => set({ agent })}
        />
      )}
      {entrances.length > 1 && (
        <Choice
          label={words.t("search.entrance")}
          testid="search-entrance"
          value={filters.entrance ?? ""}
          options={entrances.map(([name, label]) => [name, words.code("entrance", name, label)])}
          onChoose={(entrance) => set({ entrance })}
        />
      )}
      <Choice
        label={words.t("search.archived")}
        testid="search-archived"
        value={archived}
        options={[
          ["0", words.t("search.not_archived")],
          ["1", words.t("search.only_archived")],
        ]}
        onChoose={(value) => set({ archived: value === "" ? undefined : value === "1" })}
      />
    </div>
  );
}

function Choice(props: {
  label: string;
  testid: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChoose: (value: string) => void;
}) {
  return (
    <select
      className="max-w-full rounded-lg border border-line bg-raised px-2 py-1 text-xs"
      aria-label={props.label}
      value={props.value}
      data-testid={props.testid}
      onChange={(event) => props.onChoose(event.target.value)}
    >
      <option value="">{props.label}</option>
      {props.options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}
