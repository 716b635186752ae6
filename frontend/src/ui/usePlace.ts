import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";
import type { ConversationView } from "../sync";
import { useClient } from "./client";
import { useTarget } from "./jump";
import type { Row } from "./view";

/** A list that measures its rows on the way is told again where to go (ms). */
const AGAIN_MS = [60, 180, 400];
/** What is scrolled to is kept once nothing has moved for so long (ms). */
const KEEP_MS = 200;
/** What a reader does to move. */
const HANDS = ["wheel", "touchmove", "pointerdown", "keydown"];

/**
 * Where the reader was in this conversation when it was shown last, on this device; null: at the end, which is followed, or
 * somebody wants to see another place of it.
 */
export function usePlaceBefore(conversation: string) {
  const { places } = useClient();
  const target = useTarget(conversation);
  return useState(() => (target === null ? places.get(conversation) : null))[0];
}

/** Goes back to `before`, and keeps where the reader is. Call the first of what is returned whenever the list was scrolled,
 * and the second when the reader goes elsewhere by a button. `follows` says whether the end is followed, `hold` ends that,
 * `give` has it followed where there is no way back. */
export function usePlace(
  view: ConversationView,
  rows: readonly Row[],
  refs: { scroller: RefObject<HTMLDivElement | null>; list: RefObject<VirtualizerHandle | null> },
  before: ReturnType<typeof usePlaceBefore>,
  { follows, hold, give }: { follows: () => boolean; hold: () => void; give: () => void },
): readonly [keepSoon: () => void, leave: () => void] {
  const client = useClient();
  const { id } = view;
  const { scroller, list } = refs;
  const [found, setFound] = useState(before === null);
  const asked = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  /** Until then the list is still being moved to where the reader was. */
  const returning = useRef(before !== null);
  const latest = useRef(rows);
  latest.current = rows;

  const keep = useCallback(() => {
    timer.current = null;
    const box = scroller.current;
    const shown = list.current;
    if (box === null || shown === null || returning.current) return;
    if (follows()) {
      client.places.set(id, null);
      return;
    }
    const first = shown.findItemIndex(box.scrollTop);
    for (let index = first; index < latest.current.length; index++) {
      const row = latest.current[index];
      if (row?.type !== "item") continue;
      const offset = Math.round(box.scrollTop - shown.getItemOffset(index));
      client.places.set(id, { item: row.item.id, seq: row.item.seq, offset });
      return;
    }
  }, [client, id, scroller, list, follows]);

  useEffect(() => {
    if (before === null || found || view.phase !== "live" || !view.synced) return;
    if (rows.some((row) => row.type === "item" && row.item.id === before.item)) {
      setFound(true);
      return;
    }
    const lost = () => {
      returning.current = false;
      setFound(true);
      give();
    };
    if (asked.current) return;
    asked.current = true;
    void client.reach(id, before.seq).then((there) => {
      if (!there) lost();
      // It is on another branch, or was taken back: what has come has not brought it.
      else setTimeout(() => latest.current.some((row) => row.key === before.item) || lost(), KEEP_MS);
    }, lost);
  }, [client, id, before, found, view.phase, view.synced, rows, give]);

  // Before the rows are painted, and again while they are measured, until the reader moves themselves.
  useLayoutEffect(() => {
    if (before === null || !found || !returning.current) return;
    const go = () => {
      const index = latest.current.findIndex((row) => row.type === "item" && row.item.id === before.item);
      if (index < 0 || !returning.current) return;
      hold(); // rows that have no sizes yet may have looked like the end
      list.current?.scrollToIndex(index, { align: "start", offset: before.offset });
    };
    go();
    const timers = AGAIN_MS.map((ms) => setTimeout(go, ms));
    const done = setTimeout(() => end(), (AGAIN_MS.at(-1) ?? 0) + KEEP_MS);
    const box = scroller.current;
    const end = () => {
      returning.current = false;
      for (const one of [...timers, done]) clearTimeout(one);
      for (const name of HANDS) box?.removeEventListener(name, end);
    };
    for (const name of HANDS) box?.addEventListener(name, end, { passive: true });
    return end;
  }, [before, found, list, scroller, hold]);

  useEffect(() => {
    const now = () => {
      if (timer.current !== null) keep();
    };
    window.addEventListener("pagehide", now);
    return () => {
      window.removeEventListener("pagehide", now);
      if (timer.current !== null) clearTimeout(timer.current);
    };
  }, [keep]);

  const keepSoon = useCallback(() => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(keep, KEEP_MS);
  }, [keep]);
  const leave = useCallback(() => {
    returning.current = false;
  }, []);
  return [keepSoon, leave];
}
