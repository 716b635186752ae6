/** A place in a session, taken apart: `epoch:seq:tag`. Only `replica.ts` and `core.ts` look inside. */
export interface Place {
  epoch: string;
  seq: number;
  tag: string;
}

/** The place that a cursor names, or null when it is none. */
export function parseCursor(cursor: string): Place | null {
  const [epoch, seq, tag, ...rest] = cursor.split(":");
  if (!epoch || tag === undefined || rest.length > 0 || !/^\d+$/.test(seq ?? "")) return null;
  return { epoch, seq: Number(seq), tag };
}
