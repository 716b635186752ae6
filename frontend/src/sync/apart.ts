// Items that were jumped to: a stretch of a conversation apart from what is shown live, with a hole between them, which
// closes when somebody reads across it. Pure.
import type { Item } from "./protocol.gen";
import { isOpen } from "./reducer";
import { type Apart, type Applied, merged, type Replica } from "./replica";

/** Whether an item at this place is shown already, or would be if there were one. */
export function reaches({ floor, complete, apart }: Replica, seq: number): boolean {
  return seq >= floor || complete || (apart != null && seq >= apart.from && seq <= apart.to);
}

/** The replica with the items around a place, of which it had none; `first`: nothing stands before them; `more`: there is
 * a hole behind them. They were asked for up to `floor`. */
export function withAround(
  replica: Replica,
  floor: number,
  items: readonly Item[],
  first: boolean,
  more: boolean,
): Applied {
  if (floor !== replica.floor) return "stale";
  return placed(replica, fresh(replica, items), first, more);
}

/** The replica with the page before what was jumped to. */
export function withBefore(replica: Replica, apart: Apart, items: readonly Item[], more: boolean): Applied {
  if (replica.apart !== apart) return "stale";
  const all = merged(fresh(replica, items), apart.items);
  return { ...replica, apart: { ...apart, items: all, from: lowest(items, apart.from), first: !more } };
}

/** The replica with a page out of the hole: behind what was jumped to, or before what is live (`up`). `more`: the page does
 * not reach the other side. */
export function withBetween(
  replica: Replica,
  apart: Apart,
  floor: number,
  items: readonly Item[],
  more: boolean,
  up: boolean,
): Applied {
  if (replica.apart !== apart || replica.floor !== floor) return "stale";
  const found = fresh(replica, items);
  if (found.some(isOpen)) return "stale";
  if (!up) return placed(replica, merged(apart.items, found), apart.first, more);
  const older = merged(found, replica.older);
  if (more) return { ...replica, older, floor: lowest(items, floor) };
  return {
    ...replica,
    older: merged(apart.items, older),
    floor: apart.from,
    complete: apart.first,
    apart: null,
  };
}

function placed(replica: Replica, items: readonly Item[], first: boolean, more: boolean): Applied {
  const from = lowest(items, replica.floor);
  if (more) {
    const to = items.at(-1)?.seq ?? from;
    return { ...replica, apart: { items, from, to, first } };
  }
  return { ...replica, older: merged(items, replica.older), floor: from, complete: first, apart: null };
}

/** Those that are not shown with what is live: an open step may stand there alone. */
function fresh(replica: Replica, items: readonly Item[]): readonly Item[] {
  const shown = new Set(replica.state.items.map((item) => item.id));
  return items.filter((item) => !shown.has(item.id) && !isOpen(item));
}

function lowest(items: readonly Item[], otherwise: number): number {
  return items.reduce((least, item) => Math.min(least, item.seq), otherwise);
}
