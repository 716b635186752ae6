import { ChevronDown, ChevronUp, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { ConversationView, PlacePage } from "../sync";
import { useClient } from "./client";
import { unhighlight } from "./found";
import { useWords } from "./i18n";
import { jumpTo } from "./jump";

/** How long after the last key it is looked for (ms). */
const TYPED_MS = 250;

type Found = { status: "idle" | "looking" | "failed" } | { status: "ready"; query: string; page: PlacePage };

/** Finds within one conversation, over all of it: how many places, the next and the one before. */
export function FindBar({ view, onClose }: { view: ConversationView; onClose: () => void }) {
  const client = useClient();
  const words = useWords();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState<Found>({ status: "idle" });
  const [at, setAt] = useState(-1);
  const shown = view.branches?.shown ?? "";
  const query = typed.trim();

  useEffect(() => {
    field.current?.focus();
    return unhighlight;
  }, []);
  // What is said meanwhile, or stands on another branch, is looked for anew.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown` is what the answer depends on.
  useEffect(() => {
    setAt(-1);
    if (query === "") {
      setFound({ status: "idle" });
      unhighlight();
      return;
    }
    let over = false;
    setFound({ status: "looking" });
    const timer = setTimeout(() => {
      client.find(view.id, query).then(
        (page) => !over && setFound({ status: "ready", query, page }),
        () => !over && setFound({ status: "failed" }),
      );
    }, TYPED_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [client, view.id, query, shown]);

  const places = found.status === "ready" ? found.page.places : [];
  const go = (by: number) => {
    if (places.length === 0) return;
    // From the newest upwards, as one remembers.
    const next = at < 0 ? (by > 0 ? 0 : places.length - 1) : (at + by + places.length) % places.length;
    const place = places[next];
    if (place === undefined) return;
    setAt(next);
    jumpTo({ conversation: view.id, item: place.item, seq: place.seq, branch: place.branch, query });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter") {
      event.preventDefault();
      go(event.shiftKey ? 1 : -1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    }
  };
  const told =
    found.status === "ready"
      ? places.length === 0
        ? words.t("find.none")
        : at < 0
          ? words.t("find.count", { n: places.length })
          : words.t("find.at", { at: at + 1, n: places.length })
      : found.status === "failed"
        ? words.t("find.failed")
        : "";
  const elsewhere = found.status === "ready" ? found.page.elsewhere : 0;

  return (
    <search
      className="flex flex-none flex-wrap items-center gap-1 border-b border-line/70 bg-surface px-3 py-1.5 text-sm"
      data-testid="find-bar"
      data-count={found.status === "ready" ? places.length : ""}
      data-at={at + 1}
    >
      <input
        ref={field}
        type="search"
        className="field min-w-32 flex-1 py-1! text-sm! [&::-webkit-search-cancel-button]:hidden"
        placeholder={words.t("find.label")}
        aria-label={words.t("find.label")}
        value={typed}
        maxLength={200}
        data-testid="find-input"
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <span className="flex-none px-1 text-xs text-ink-2" role="status" data-testid="find-count">
        {told}
        {elsewhere > 0 && ` ${words.t("find.elsewhere", { n: elsewhere })}`}
      </span>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("find.previous")}
        disabled={places.length === 0}
        data-testid="find-previous"
        onClick={() => go(-1)}
      >
        <ChevronUp size={16} />
      </button>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("find.next")}
        disabled={places.length === 0}
        data-testid="find-next"
        onClick={() => go(1)}
      >
        <ChevronDown size={16} />
      </button>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("dialog.close")}
        data-testid="find-close"
        onClick={onClose}
      >
        <X size={16} />
      </button>
    </search>
  );
}
