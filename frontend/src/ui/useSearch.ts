import { useCallback, useEffect, useState } from "react";
import type { SearchFilters, SearchHit } from "../sync";
import { useClient } from "./client";

/** How long after the last key it is looked for (ms). */
const TYPED_MS = 250;
/** Pages without a place that are gone through without being asked: one page goes through so many texts and no more. */
const MAX_EMPTY = 3;

export interface SearchState {
  status: "idle" | "looking" | "ready" | "failed";
  titles: readonly SearchHit[];
  hits: readonly SearchHit[];
  more: boolean;
}

const NOTHING: SearchState = { status: "idle", titles: [], hits: [], more: false };

/** What is found for what is typed, page by page. */
export function useSearch(query: string, filters: SearchFilters) {
  const client = useClient();
  const [state, setState] = useState<SearchState>(NOTHING);
  const [next, setNext] = useState<string | null>(null);
  const [tries, setTries] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `tries` asks once more.
  useEffect(() => {
    setNext(null);
    if (query === "") {
      setState(NOTHING);
      return;
    }
    let over = false;
    setState((before) => ({ ...before, status: "looking" }));
    const ask = async () => {
      try {
        let page = await client.searchTexts(query, filters);
        const { titles } = page;
        for (
          let empty = 0;
          empty < MAX_EMPTY && page.hits.length === 0 && page.next !== null && !over;
          empty++
        )
          page = await client.searchTexts(query, filters, page.next);
        if (over) return;
        setState({ status: "ready", titles, hits: page.hits, more: page.next !== null });
        setNext(page.next);
      } catch {
        if (!over) setState({ ...NOTHING, status: "failed" });
      }
    };
    const timer = setTimeout(() => void ask(), TYPED_MS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [client, query, filters, tries]);

  const more = useCallback(async () => {
    if (next === null) return;
    setNext(null);
    try {
      const page = await client.searchTexts(query, filters, next);
      setState((before) => ({
        ...before,
        hits: [...before.hits, ...page.hits],
        more: page.next !== null,
      }));
      setNext(page.next);
    } catch {
      setNext(next);
    }
  }, [client, query, filters, next]);
  const again = useCallback(() => setTries((n) => n + 1), []);
  return { ...state, loadMore: more, again };
}
