import {
  type KeyboardEvent,
  type PointerEvent,
  useCallback,
  useLayoutEffect,
  useRef,
  useState,
  type WheelEvent,
} from "react";
import type { VirtualizerHandle } from "virtua";
import type { Row } from "./view";

/** This near to the end (px) counts as being there. */
const NEAR_END = 48;
/** A movement this soon (ms) after a wheel, a key or a finger is the reader's. */
const HAND_MS = 400;
/** The keys that scroll up. */
const UP = new Set(["ArrowUp", "PageUp", "Home"]);

/** How far each of them goes (px) in a box of this height. */
export function rise(key: string, viewport: number): number {
  if (key === "ArrowUp") return 40;
  return key === "Home" ? Number.POSITIVE_INFINITY : Math.round(viewport * 0.9);
}

/** The ends of a press. A menu that opens, or another window, may keep the release to itself. */
const RELEASES = ["pointerup", "pointercancel", "contextmenu", "blur"];

/** What has the focus and is scrolled by itself, or takes these keys for its text. */
const OWN_SCROLL = "pre, .table-frame, input, textarea, select, [role=menu]";

/** Where a scrolled box stands (px). */
export interface Place {
  offset: number;
  height: number;
  viewport: number;
}

/** What is hidden below (px). */
export function left(place: Place): number {
  return place.height - place.viewport - place.offset;
}

/**
 * Whether the end is followed after a movement from `before` to `now`. `hand`: the reader has a hand in it.
 *
 * A movement upwards is not always the reader's: when the box or its content changes its size (the banner of a lost
 * link comes or goes, a whole answer arrives at once, the list measures a row), the browser moves the offset to what
 * there is at that moment. Without a hand in it, only a movement within an unchanged box is meant: find in page does
 * so, or a screen reader.
 */
export function follows(following: boolean, before: Place, now: Place, hand: boolean): boolean {
  const up = now.offset < before.offset - 2;
  const below = left(now);
  if (below <= 1 || (below <= NEAR_END && !up)) return true;
  if (!up) return following;
  const sameBox = now.height === before.height && now.viewport === before.viewport;
  return following && !hand && !sameBox;
}

/**
 * Keeps the end in sight while it grows, until the reader scrolls up. While a button of the pointer is down nothing is
 * moved: what is pressed must be there when it is let go, or it is not clicked. Put `hands` on the scroller.
 */
export function useStickToEnd(
  scroller: React.RefObject<HTMLDivElement | null>,
  list: React.RefObject<VirtualizerHandle | null>,
  rows: readonly Row[],
  /** Whether the end is followed at first. */
  atEnd = true,
) {
  const stuck = useRef(atEnd);
  const last = useRef<Place>({ offset: 0, height: 0, viewport: 0 });
  const [away, setAway] = useState(false);
  // The key that leaves the end moves the box itself, at once: a browser glides, and Firefox gives the glide up where the
  // end was followed in the frame in which it begins. Keys after it are the browser's again.
  const leave = useCallback(
    (event: KeyboardEvent) => {
      const box = scroller.current;
      if (box === null || box.scrollTop <= 0) return;
      if (stuck.current && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        box.scrollTop = Math.max(0, box.scrollTop - rise(event.key, box.clientHeight));
      }
      stuck.current = false;
    },
    [scroller],
  );
  const [hands, hasHand, rises, steady, moved] = useHands(leave, scroller, () => {
    if (stuck.current) toEnd();
  });

  const look = useCallback((): Place => {
    const box = scroller.current;
    if (!box) return last.current;
    return { offset: box.scrollTop, height: box.scrollHeight, viewport: box.clientHeight };
  }, [scroller]);

  // Never further than the list has measured: beyond its own end it shows no rows at all, and nothing may come that
  // wakes it. What a row has grown by, it measures before the next frame is painted, and calls `onResize`.
  const toEnd = useCallback(() => {
    const box = scroller.current;
    if (steady()) return;
    if (box) box.scrollTop = (list.current?.scrollSize ?? box.scrollHeight) - box.clientHeight;
    last.current = look();
  }, [scroller, list, look, steady]);

  const tell = useCallback((place: Place) => setAway(!stuck.current && left(place) > 2 * NEAR_END), []);

  const onScroll = useCallback(() => {
    moved();
    const now = look();
    // A browser scrolls smoothly by keys: its first steps are smaller than what the text grows by meanwhile, and a list
    // that followed the end between them would take them back.
    const up = rises() && now.offset <= last.current.offset;
    stuck.current = !up && follows(stuck.current, last.current, now, hasHand());
    last.current = now;
    tell(now);
    if (stuck.current && left(now) > NEAR_END) toEnd();
  }, [look, hasHand, rises, moved, tell, toEnd]);

  const onResize = useCallback(() => {
    // The list moves a row that grows over the top up, after this and before the next frame is painted.
    if (steady()) queueMicrotask(steady);
    else if (stuck.current) toEnd();
    else tell(look());
  }, [toEnd, tell, look, steady]);

  const newest = rows[rows.length - 1];
  // The reader's own message is always shown, wherever they have scrolled to.
  const own = newest?.type === "pending" ? newest.key : null;
  useLayoutEffect(() => {
    if (own !== null) stuck.current = true;
  }, [own]);
  // Not the list's own `scrollToIndex`: it goes on for as long as rows grow, whatever the reader does meanwhile. Rows that are
  // measured on the way bring `onResize`, and that the end.
  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the rows may have moved the end.
  useLayoutEffect(() => {
    if (stuck.current) toEnd();
  }, [rows, toEnd]);

  const hold = useCallback(() => {
    stuck.current = false;
  }, []);
  const jump = useCallback(() => {
    stuck.current = true;
    setAway(false);
    toEnd();
  }, [toEnd]);
  const isFollowed = useCallback(() => stuck.current, []);
  return { away, onScroll, onResize, hold, jump, hands, isFollowed };
}

/** Listeners that notice when the reader scrolls up, whether one did just now, and whether it was by a key, of which `leave`
 * is told at once. `steady` puts what the pointer's first button presses back to its place on the screen, and says whether
 * anything is pressed; call `moved` when the reader has scrolled. `letGo` is called when nothing is pressed any more. A
 * pointer that is down may drag the scroll bar or select text beyond the edge. */
function useHands(
  leave: (event: KeyboardEvent) => void,
  scroller: React.RefObject<HTMLDivElement | null>,
  letGo: () => void,
) {
  const until = useRef(0);
  const rising = useRef(0);
  const down = useRef(false);
  const press = useRef<{ target: Element; top: number } | null>(null);
  const after = useRef(letGo);
  after.current = letGo;
  const soon = useCallback(() => {
    until.current = performance.now() + HAND_MS;
  }, []);
  useLayoutEffect(() => {
    const release = () => {
      if (down.current) soon();
      down.current = false;
      if (press.current === null) return;
      // The click comes after the release, and goes to what is under the pointer then.
      setTimeout(() => {
        press.current = null;
        after.current();
      });
    };
    for (const name of RELEASES) window.addEventListener(name, release);
    return () => {
      for (const name of RELEASES) window.removeEventListener(name, release);
    };
  }, [soon]);
  const hands = useRef({
    onWheel: (event: WheelEvent) => {
      if (event.deltaY < 0) soon();
    },
    onTouchMove: soon,
    onKeyDown: (event: KeyboardEvent) => {
      if (!UP.has(event.key) && !(event.key === " " && event.shiftKey)) return;
      soon();
      if (event.target instanceof Element && event.target.closest(OWN_SCROLL) !== null) return;
      rising.current = until.current;
      leave(event);
    },
    onPointerDown: (event: PointerEvent) => {
      down.current = true;
      const { target, button } = event;
      if (button === 0 && target instanceof Element)
        press.current = { target, top: target.getBoundingClientRect().top };
    },
  });
  const hasHand = useCallback(() => down.current || performance.now() < until.current, []);
  const rises = useCallback(() => performance.now() < rising.current, []);
  const steady = useCallback((): boolean => {
    const { current: box } = scroller;
    const { current: held } = press;
    if (held === null || box === null) return false;
    if (held.target.isConnected) box.scrollTop += held.target.getBoundingClientRect().top - held.top;
    return true;
  }, [scroller]);
  // What the list moves is put back before it is told of: this was the reader, with a wheel or by selecting text.
  const moved = useCallback(() => {
    const { current: held } = press;
    if (held !== null) held.top = held.target.getBoundingClientRect().top;
  }, []);
  return [hands.current, hasHand, rises, steady, moved] as const;
}
