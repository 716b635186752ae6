// Where a person was in each conversation, in a storage that outlives the tab, on this device alone. At the end nothing is
// kept: there the end is followed.
import type { Storage } from "./ports";

/** Places of one person in one browser; the oldest beyond them are forgotten. */
const MAX_PLACES = 200;

/** The item at the top of what is seen, and how much of it is hidden above (px). */
export interface Place {
  readonly item: string;
  readonly seq: number;
  readonly offset: number;
}

export interface Places {
  get(conversation: string): Place | null;
  /** Null: they are at the end. Never throws: without room in the storage nothing is kept. */
  set(conversation: string, place: Place | null): void;
  /** Forget all of this person, for whoever uses the browser next. */
  clear(): void;
}

type Stored = Place & { at: number };

export class KeptPlaces implements Places {
  #prefix: string | null = null;

  constructor(
    private readonly storage: Storage,
    private readonly now: () => number,
  ) {}

  /** Whose places they are. */
  identify(user: string): void {
    this.#prefix = `holdfast.place.${encodeURIComponent(user)}.`;
    const kept = this.storage
      .keys(this.#prefix)
      .map((key) => ({ key, at: parse(this.storage.get(key))?.at }));
    kept.sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
    for (const { key } of kept.filter(({ at }, place) => at === undefined || place >= MAX_PLACES))
      this.storage.remove(key);
  }

  get(conversation: string): Place | null {
    if (this.#prefix === null) return null;
    const stored = parse(this.storage.get(this.#prefix + conversation));
    return stored && { item: stored.item, seq: stored.seq, offset: stored.offset };
  }

  set(conversation: string, place: Place | null): void {
    if (this.#prefix === null) return;
    const key = this.#prefix + conversation;
    try {
      if (place === null) this.storage.remove(key);
      else this.storage.set(key, JSON.stringify({ ...place, at: this.now() } satisfies Stored));
    } catch {
      // No room: they come back to the end.
    }
  }

  clear(): void {
    if (this.#prefix !== null) for (const key of this.storage.keys(this.#prefix)) this.storage.remove(key);
    // What is still scrolled on the page that is being left is not kept.
    this.#prefix = null;
  }
}

/** A stored place, or null for what is none: another version may have written it. */
function parse(text: string | null): Stored | null {
  if (text === null) return null;
  try {
    const { item, seq, offset, at } = JSON.parse(text) as Partial<Stored>;
    if (typeof item !== "string" || ![seq, offset, at].every(Number.isFinite)) return null;
    return { item, seq, offset, at } as Stored;
  } catch {
    return null;
  }
}
