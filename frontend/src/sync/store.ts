// Values that the UI subscribes to. Listeners hear at most once per frame, however many frames of the wire came.
import type { Readable } from "./api";
import type { Cancel } from "./ports";

/** Gathers notifications and gives them out together, before the next paint. */
export class Notifier {
  #due = new Set<() => void>();
  #cancel: Cancel | null = null;

  /** `frame` calls back before the next paint, or soon when the tab is hidden. */
  constructor(private readonly frame: (run: () => void) => Cancel) {}

  /** Call `run` with the next frame; once, however often it is asked for until then. */
  schedule(run: () => void): void {
    this.#due.add(run);
    this.#cancel ??= this.frame(() => this.flush());
  }

  /** Give out now what is due. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const due = [...this.#due];
    this.#due.clear();
    for (const run of due) run();
  }

  dispose(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#due.clear();
  }
}

/**
 * A value that is computed when it is asked for. `compute` gets the value of before and returns that very one when
 * nothing differs, so that a snapshot keeps its identity.
 */
export class Source<T> implements Readable<T> {
  #listeners = new Set<() => void>();
  #value: T;
  #dirty = true;

  constructor(
    private readonly notifier: Notifier,
    first: T,
    private readonly compute: (before: T) => T,
  ) {
    this.#value = first;
  }

  /** What `compute` reads has changed. */
  invalidate(): void {
    this.#dirty = true;
    if (this.#listeners.size > 0) this.notifier.schedule(this.#tell);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    // Wrapped, so that the same function subscribed twice is told twice and leaves twice.
    const mine = (): void => listener();
    this.#listeners.add(mine);
    return () => this.#listeners.delete(mine);
  };

  readonly getSnapshot = (): T => {
    if (this.#dirty) {
      this.#dirty = false;
      this.#value = this.compute(this.#value);
    }
    return this.#value;
  };

  readonly #tell = (): void => {
    const before = this.#told;
    this.#told = this.getSnapshot();
    if (this.#told === before) return;
    for (const listener of [...this.#listeners]) listener();
  };

  #told: T | undefined;
}

/** `next`, or `before` if all their fields are the same ones. */
export function sameOr<T extends object>(before: T, next: T): T {
  const keys = Object.keys(next) as (keyof T)[];
  const same =
    keys.length === Object.keys(before).length && keys.every((key) => Object.is(before[key], next[key]));
  return same ? before : next;
}

/** `next`, or `before` if all their elements are the same; elements that equal in all fields keep their identity. */
export function sameList<T extends { id: string }>(before: readonly T[], next: readonly T[]): readonly T[] {
  const were = new Map(before.map((entry) => [entry.id, entry]));
  const merged = next.map((entry) => {
    const was = were.get(entry.id);
    return was === undefined ? entry : sameOr(was, entry);
  });
  const same = merged.length === before.length && merged.every((entry, index) => entry === before[index]);
  return same ? before : merged;
}
