// Older items, page by page over HTTP, joined to what is shown live.
import { reaches, withAround, withBefore, withBetween } from "./apart";
import type { Core } from "./core";
import type { Http } from "./http";
import type { Clock } from "./ports";

/** A page that does not fit is asked for again after this, so many times: what is shown moved, or the page lagged. */
const AGAIN_MS = 300;
const TRIES = 5;
/** Items that a jump shows before its place, and from there on. */
const BEFORE = 20;
const AFTER = 60;
/** Items of a page between what was jumped to and what is live. */
const BETWEEN = 100;

export class Pager {
  #states = new Map<string, "loading" | "failed">();
  #between = new Set<string>();

  constructor(
    private readonly http: Pick<Http, "items" | "itemsAfter">,
    private readonly core: Pick<Core, "held" | "page" | "place">,
    private readonly clock: Clock,
    private readonly changed: (conversation: string) => void,
  ) {}

  state(conversation: string): "loading" | "failed" | undefined {
    return this.#states.get(conversation);
  }

  /** The page before the oldest item without a hole. Never rejects: `failed` is a state. */
  async load(conversation: string): Promise<void> {
    if (this.#states.get(conversation) === "loading") return;
    const done = (): boolean => {
      const replica = this.core.held(conversation)?.replica;
      return replica?.apart?.first ?? replica?.complete ?? true;
    };
    if (done()) return;
    this.#set(conversation, "loading");
    try {
      for (let tries = 0; !done() && !(await this.#page(conversation)); ) {
        if (++tries === TRIES) throw new Error("no page fits");
        await new Promise<void>((resolve) => this.clock.after(AGAIN_MS, resolve));
      }
      this.#set(conversation, undefined);
    } catch {
      this.#set(conversation, "failed");
    }
  }

  async #page(conversation: string): Promise<boolean> {
    const replica = this.core.held(conversation)?.replica;
    if (replica == null) return true;
    const { floor, apart } = replica;
    const branch = replica.state.branches?.shown;
    const { items, more } = await this.http.items(conversation, apart?.from ?? floor, branch);
    // Another branch may be shown by now: the page is not of it.
    if (!this.#still(conversation, branch)) return false;
    if (apart != null) return this.core.place(conversation, (now) => withBefore(now, apart, items, more));
    return this.core.page(conversation, floor, items, more);
  }

  /**
   * Have the item at this place, on the branch that is shown, with those around it and nothing between it and what is live.
   * False: it could not be loaded.
   */
  async reach(conversation: string, seq: number): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await new Promise<void>((resolve) => this.clock.after(AGAIN_MS, resolve));
      const replica = this.core.held(conversation)?.replica;
      if (replica == null) continue;
      if (reaches(replica, seq)) return true;
      const { floor } = replica;
      const branch = replica.state.branches?.shown;
      try {
        const [before, from] = await Promise.all([
          this.http.items(conversation, seq, branch, BEFORE),
          this.http.itemsAfter(conversation, seq - 1, floor, branch, AFTER),
        ]);
        const items = [...before.items, ...from.items];
        const put = this.#still(conversation, branch);
        if (
          put &&
          this.core.place(conversation, (now) => withAround(now, floor, items, !before.more, from.more))
        ) {
          this.changed(conversation);
          return true;
        }
      } catch {
        return false;
      }
    }
    return false;
  }

  /** A page out of the hole between what was jumped to and what is live: behind the one, or before the other (`up`). */
  async between(conversation: string, up: boolean): Promise<void> {
    const replica = this.core.held(conversation)?.replica;
    const apart = replica?.apart;
    if (replica == null || apart == null || this.#between.has(conversation)) return;
    this.#between.add(conversation);
    try {
      const { floor } = replica;
      const branch = replica.state.branches?.shown;
      const page = up
        ? await this.http.items(conversation, floor, branch, BETWEEN, apart.to)
        : await this.http.itemsAfter(conversation, apart.to, floor, branch, BETWEEN);
      if (!this.#still(conversation, branch)) return;
      this.core.place(conversation, (now) => withBetween(now, apart, floor, page.items, page.more, up));
    } catch {
      // Asked for again by whoever looks at it.
    } finally {
      this.#between.delete(conversation);
      this.changed(conversation);
    }
  }

  /** Whether this branch is still the one that is shown. */
  #still(conversation: string, branch: string | undefined): boolean {
    return this.core.held(conversation)?.replica?.state.branches?.shown === branch;
  }

  #set(conversation: string, state: "loading" | "failed" | undefined): void {
    if (state === undefined) this.#states.delete(conversation);
    else this.#states.set(conversation, state);
    this.changed(conversation);
  }
}
