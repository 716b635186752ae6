import { type RefObject, useEffect, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";
import type { ConversationView } from "../sync";
import { useClient } from "./client";
import { highlight } from "./found";
import { arrived, type Target, useTarget } from "./jump";
import type { Row } from "./view";

/** How long the row is marked (ms). */
const MARKED_MS = 2_500;
/** A list that measures its rows on the way is told again where to go (ms). */
const AGAIN_MS = [60, 180, 400];

/**
 * Goes to the place that somebody wants to see: shows its branch, loads what is around it, scrolls there and marks its row
 * for a while. Returns the key of the marked row, and whether a place could not be reached.
 */
export function useJump(
  view: ConversationView,
  rows: readonly Row[],
  list: RefObject<VirtualizerHandle | null>,
  hold: () => void,
): { marked: string | null; failed: boolean } {
  const client = useClient();
  const target = useTarget(view.id);
  const asked = useRef<{ target: Target; chosen: boolean; reached: boolean } | null>(null);
  const [marked, setMarked] = useState<{ key: string; target: Target } | null>(null);
  const [failed, setFailed] = useState<Target | null>(null);

  useEffect(() => {
    if (target === null || view.phase !== "live" || !view.synced) return;
    if (asked.current?.target !== target) asked.current = { target, chosen: false, reached: false };
    const now = asked.current;
    const give = () => {
      setFailed(target);
      arrived(target);
    };
    if (target.item !== "" && !onShown(view, target)) {
      if (now.chosen) return;
      now.chosen = true;
      void client.choose(view.id, target.branch).then((outcome) => {
        if (outcome.status !== "applied") give();
      }, give);
      return;
    }
    const index = indexOf(rows, target, view);
    if (index < 0) {
      if (now.reached) return;
      now.reached = true;
      void client.reach(view.id, target.seq).then((there) => {
        if (!there) give();
      });
      return;
    }
    hold();
    setFailed(null);
    const row = rows[index];
    if (row !== undefined) setMarked({ key: row.key, target });
    arrived(target);
  }, [client, target, view, rows, hold]);

  // After the row is there: it may be far from what is mounted, and the rows on the way have no sizes yet.
  const latest = useRef(rows);
  latest.current = rows;
  useEffect(() => {
    if (marked === null) return;
    const go = (focus: boolean) => {
      const index = latest.current.findIndex((row) => row.key === marked.key);
      if (index < 0) return;
      list.current?.scrollToIndex(index, { align: marked.target.item === "" ? "start" : "center" });
      const element = document.querySelector(`[data-row="${CSS.escape(marked.key)}"]`);
      if (!(element instanceof HTMLElement)) return;
      if (focus && marked.target.query === undefined) element.focus({ preventScroll: true });
      if (marked.target.query !== undefined) highlight(element, marked.target.query);
    };
    go(false);
    const timers = AGAIN_MS.map((ms, place) => setTimeout(() => go(place === AGAIN_MS.length - 1), ms));
    const end = setTimeout(() => setMarked((now) => (now === marked ? null : now)), MARKED_MS);
    return () => {
      for (const timer of [...timers, end]) clearTimeout(timer);
    };
  }, [marked, list]);

  return { marked: marked?.key ?? null, failed: failed !== null && target === null };
}

function onShown({ branches }: ConversationView, { branch, seq }: Target): boolean {
  if (branches === null) return true;
  return branches.path.some((one) => one.branch === branch && (one.below === null || seq < one.below));
}

function indexOf(rows: readonly Row[], target: Target, view: ConversationView): number {
  if (target.item === "") return view.older === "none" && rows.length > 0 ? 0 : -1;
  return rows.findIndex((row) => row.type === "item" && row.item.id === target.item);
}
