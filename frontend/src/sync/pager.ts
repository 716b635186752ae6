// Older items, page by page over HTTP, joined to what is shown live.
import type { Core } from "./core";
import type { Http } from "./http";
import type { Clock } from "./ports";

/** A page that does not fit is asked for again after this, so many times: what is shown moved, or the page lagged. */
const AGAIN_MS = 300;
const TRIES = 5;

export class Pager {
  #states = new Map<string, "loading" | "failed">();

  constructor(
    private readonly http: Pick<Http, "items">,
    private readonly core: Pick<Core, "held" | "page">,
    private readonly clock: Clock,
    private readonly changed: (conversation: string) => void,
  ) {}

  state(conversation: string): "loading" | "failed" | undefined {
    return this.#states.get(conversation);
  }

  /** The page before the oldest item without a hole. Never rejects: `failed` is a state. */
  async load(conversation: string): Promise<void> {
    if (this.#states.get(conversation) === "loading") return;
    const done = (): boolean => this.core.held(conversation)?.replica?.complete ?? true;
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
    const { floor } = replica;
    const branch = replica.state.branches?.shown;
    const { items, more } = await this.http.items(conversation, floor, branch);
    // Another branch may be shown by now: the page is not of it.
    if (this.core.held(conversation)?.replica?.state.branches?.shown !== branch) return false;
    return this.core.page(conversation, floor, items, more);
  }

  #set(conversation: string, state: "loading" | "failed" | undefined): void {
    if (state === undefined) this.#states.delete(conversation);
    else this.#states.set(conversation, state);
    this.changed(conversation);
  }
}
