// The list of conversations. A bell on the socket says that it changed; what it is comes over HTTP.
import type { ListEntry, ListState } from "./api";
import { backoff } from "./backoff";
import type { Http } from "./http";
import type { Cancel, Clock } from "./ports";
import { type Problem, problemOf } from "./problem";
import type { ConversationEntry, ConversationList } from "./protocol.gen";
import type { Kept } from "./shelf";
import { sameList, sameOr } from "./store";

/** Bells that come within this make one request. */
const GATHER_MS = 100;
/** Rows that the server gives in one page at most. */
const MAX_PAGE = 100;
const PAGE = 30;

/** What was fetched, without what the outbox adds. */
export type Fetched = Omit<ListState, "conversations"> & { conversations: readonly ConversationEntry[] };

export class Listing {
  #state: Fetched = {
    conversations: [],
    query: "",
    archived: false,
    more: false,
    status: "loading",
    problem: null,
    loadingMore: false,
  };
  /** Grows with each query, so that an answer to an earlier one is known as such. */
  #asked = 0;
  #fetching = false;
  #again = false;
  #failures = 0;
  #timer: Cancel | null = null;
  #over = false;

  constructor(
    private readonly http: Pick<Http, "conversations">,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly changed: () => void,
  ) {}

  get state(): Fetched {
    return this.#state;
  }

  /** Fetch soon; what is shown stays until the answer is there. */
  refresh(): void {
    if (this.#failures > 0) this.#cancel();
    this.#timer ??= this.clock.after(GATHER_MS, () => {
      this.#timer = null;
      void this.#fetch();
    });
  }

  search(query: string, archived: boolean): void {
    if (query === this.#state.query && archived === this.#state.archived) return;
    this.#asked += 1;
    this.#set({
      query,
      archived,
      status: "loading",
      conversations: [],
      more: false,
      problem: null,
      loadingMore: false,
    });
    this.refresh();
  }

  async loadMore(): Promise<void> {
    const { more, loadingMore, conversations, query, archived } = this.#state;
    const last = conversations.at(-1);
    if (!more || loadingMore || last === undefined) return;
    const asked = this.#asked;
    this.#set({ loadingMore: true });
    try {
      const page = await this.http.conversations(query, last.updated_at, PAGE, archived);
      if (asked !== this.#asked) return;
      const had = new Set(this.#state.conversations.map((entry) => entry.id));
      const fresh = page.conversations.filter((entry) => !had.has(entry.id));
      this.#set({
        conversations: [...this.#state.conversations, ...fresh],
        more: page.more,
        loadingMore: false,
      });
    } catch (error) {
      if (asked === this.#asked) this.#set({ loadingMore: false, problem: problemOf(error) });
    }
  }

  dispose(): void {
    this.#over = true;
    this.#cancel();
  }

  async #fetch(): Promise<void> {
    if (this.#fetching) {
      this.#again = true;
      return;
    }
    this.#fetching = true;
    const asked = this.#asked;
    const limit = Math.min(MAX_PAGE, Math.max(PAGE, this.#state.conversations.length));
    try {
      const page = await this.http.conversations(this.#state.query, null, limit, this.#state.archived);
      this.#failures = 0;
      if (asked === this.#asked) this.#show(page);
    } catch (error) {
      if (asked === this.#asked) this.#failed(problemOf(error));
    } finally {
      this.#fetching = false;
      if (this.#again || asked !== this.#asked) {
        this.#again = false;
        this.refresh();
      }
    }
  }

  #show({ conversations, more }: ConversationList): void {
    const last = conversations.at(-1);
    const shown = this.#state.conversations;
    // A list longer than the largest page keeps its tail; the head is what changes.
    const got = new Set(conversations.map((entry) => entry.id));
    const tail =
      more && last !== undefined && shown.length > MAX_PAGE
        ? shown.filter((entry) => !entry.pinned && entry.updated_at < last.updated_at && !got.has(entry.id))
        : [];
    this.#set({
      conversations: [...conversations, ...tail],
      more: tail.length > 0 ? this.#state.more : more,
      status: "ready",
      problem: null,
    });
  }

  #failed(problem: Problem): void {
    const status = this.#state.status === "ready" ? "ready" : "failed";
    this.#set({ status, problem });
    if (!problem.retry || this.#over || this.#timer !== null) return;
    this.#failures += 1;
    this.#timer = this.clock.after(1_000 + backoff(this.#failures, this.random()), () => {
      this.#timer = null;
      void this.#fetch();
    });
  }

  #cancel(): void {
    this.#timer?.();
    this.#timer = null;
  }

  #set(change: Partial<Fetched>): void {
    if (this.#over) return;
    this.#state = { ...this.#state, ...change };
    this.changed();
  }
}

/** What the list shows: what was fetched, and on top of it the creations that the server has not acknowledged. */
export function listed(before: ListState, fetched: Fetched, creations: readonly Kept[]): ListState {
  const there = new Set(fetched.conversations.map((entry) => entry.id));
  const pending = creations.toReversed().flatMap(({ conversation, at, body }): ListEntry[] => {
    if (body.kind !== "create" || fetched.query !== "" || fetched.archived || there.has(conversation))
      return [];
    const { title = "", agent = "" } = body;
    const times = { created_at: at, updated_at: at };
    return [
      {
        id: conversation,
        title,
        agent,
        ...times,
        run_status: null,
        pinned: false,
        archived: false,
        pending: true,
      },
    ];
  });
  const entries = fetched.conversations.map((entry) => ({ ...entry, pending: false }));
  const conversations = sameList(before.conversations, [...pending, ...entries]);
  return sameOr(before, { ...fetched, conversations });
}
