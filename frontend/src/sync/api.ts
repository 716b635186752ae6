// What the UI sees of the sync engine: types only. The UI renders these values and calls these methods, nothing else.
import type { Copies } from "./copies";
import type { Drafts } from "./drafts";
import type { LocalFile, Upload } from "./files";
import type { Notes } from "./notes";
import type { Places } from "./places";
import type { Problem } from "./problem";
import type {
  AgentEntry,
  ApproveBody,
  AttachmentRef,
  Boot,
  BranchesView,
  CallDetail,
  ConversationEntry,
  GoawayReason,
  Info,
  Item,
  PlacePage,
  ResultCode,
  RunView,
  SearchPage,
  SeenView,
  SettleBody,
} from "./protocol.gen";
import type { Schedules } from "./schedules";
import type { SearchFilters } from "./search";
import type { Timeline } from "./timeline";
import type { Triggers } from "./triggers";

/**
 * A value that changes. Made for `useSyncExternalStore(x.subscribe, x.getSnapshot)`: both are bound, a snapshot
 * keeps its identity until it differs, and so does each part of it. Listeners are told at most once per frame.
 */
export interface Readable<T> {
  subscribe(listener: () => void): () => void;
  getSnapshot(): T;
}

/** All times here are local milliseconds (`Date.now()`), so that a countdown needs no conversion. */
export type Connection =
  /**
   * A socket is being made. `downSince`: when the link was lost (or the page started); `attempt` counts from 1. `turnAt`:
   * many are coming back, and the server has said that it will be our turn about then; null: it has not.
   */
  | {
      status: "connecting";
      downSince: number;
      attempt: number;
      lastSyncedAt: number | null;
      turnAt: number | null;
    }
  | { status: "open" }
  /** No link; the next try is at `retryAt`. `said`: what the server gave as its reason, if it gave one. */
  | {
      status: "offline";
      downSince: number;
      attempt: number;
      retryAt: number;
      said: "restart" | "crowded" | null;
      lastSyncedAt: number | null;
    }
  /** Final. `protocol`: reload the page, the server is of another version; `logged_out`: log in again. */
  | { status: "goaway"; reason: Exclude<GoawayReason, "restart" | "crowded" | "token"> };

export type BootState =
  | { status: "loading" }
  | { status: "ready"; boot: Boot; agents: readonly AgentEntry[] }
  /** Tried again by itself at `retryAt` (local ms); null: it will not be (logged out). */
  | { status: "failed"; problem: Problem; retryAt: number | null };

export interface ListState {
  /** Newest first, as the server orders them; conversations that only the outbox knows stand on top. */
  conversations: readonly ListEntry[];
  query: string;
  /** Those that were put away are shown, and no others. */
  archived: boolean;
  more: boolean;
  /** `loading` only while there is nothing to show for this query yet; a refresh in the background does not count. */
  status: "loading" | "ready" | "failed";
  problem: Problem | null;
  loadingMore: boolean;
}

/** `pending`: not yet acknowledged by the server. */
export type ListEntry = ConversationEntry & { pending: boolean };

/** A message in the outbox. It leaves `pending` when it stands among `items`. */
export interface PendingMessage {
  /** Id of the message; the item that it becomes has the same id. */
  id: string;
  text: string;
  attachments?: readonly AttachmentRef[];
  /** Local ms. */
  at: number;
  /** `uploading`: sent once its files have arrived. `sending`: retried until there is a result. `stored`: committed, its event is on the way. `failed`: see `code`. */
  state: "uploading" | "sending" | "stored" | "failed";
  code: FailureCode | null;
}

/**
 * `unanswered`: the server got it several times over a good link and never answered. `attachment_lost`: the page was
 * closed before a file had arrived; `attachment_refused`: the server does not take a file. After these two `retry` sends
 * the message without those files.
 */
export type FailureCode = ResultCode | "unanswered" | "attachment_lost" | "attachment_refused";

/** What one conversation shows now. */
export interface ConversationView {
  id: string;
  /**
   * `new`: only the outbox knows it so far (or its creation failed: see the pending messages). `opening`: nothing
   * received yet. `live`: there is something to show. `gone`: it does not exist for this user.
   */
  phase: "new" | "opening" | "live" | "gone";
  /** False while what is shown may be behind the server: no link, or a snapshot on its way. */
  synced: boolean;
  info: Info | null;
  /** The active, else the latest run. */
  run: RunView | null;
  /** A stop was asked for and has not been carried out yet, be it in the outbox or known to the server. */
  stopping: boolean;
  /**
   * In transcript order (ascending seq), older pages included. A streaming step carries the text that has arrived so far.
   * Items that did not change keep their identity.
   */
  items: readonly Item[];
  /** The branches of a conversation that has any; `items` are those of the one that is shown. */
  branches: BranchesView | null;
  /** Of such a conversation: up to where each branch was read. A message behind it waits. */
  seen: SeenView | null;
  /** Messages that are not among `items` yet, in the order in which they were sent. */
  pending: readonly PendingMessage[];
  /** `more`: call `loadOlder`; `none`: `items` begins with the first one. */
  older: "none" | "more" | "loading" | "failed";
  /** After a jump: items are missing before the one at this seq, see `loadBetween`. */
  gap: number | null;
}

/** What became of a command that is not a message. It may take as long as the link is down. */
export type Outcome = { status: "applied" } | { status: "rejected"; code: FailureCode };

/** A command that was refused before it was stored: nothing was sent, keep what the user typed. */
export type LocalRefusal = "empty" | "too_long" | "outbox_full" | "not_ready";

/**
 * The engine. Make one per page with `createClient(browserPorts())`, call `start` once, and `dispose` when it is no
 * longer wanted. No method waits for the network unless it returns a promise.
 */
export interface Client {
  readonly boot: Readable<BootState>;
  readonly connection: Readable<Connection>;
  readonly list: Readable<ListState>;
  /** The same object for the same id. Reading it does not open it: see `open`. */
  conversation(id: string): Readable<ConversationView>;

  start(): void;
  dispose(): void;
  /** The server's clock in ms, for elapsed times: `client.now() - run.started_at`. */
  readonly now: () => number;
  /** Try to connect at once, not at `retryAt`. */
  reconnect(): void;

  /** Search the list; "" shows all. Answers that come after a newer query are dropped. `archived`: those put away. */
  search(query: string, archived?: boolean): void;
  /** Pin or archive conversations, or undo it. Rejects with `HttpError`; needs the link. */
  mark(ids: readonly string[], marks: { pinned?: boolean; archived?: boolean }): Promise<void>;
  loadMoreConversations(): void;
  refreshList(): void;

  /** Keep this conversation live until the returned function is called. */
  open(conversation: string): () => void;
  /** A new conversation with its first message. Returns their ids at once; throws `SyncRefusal`. */
  newConversation(
    agent: string,
    text: string,
    attachments?: readonly string[],
  ): { conversation: string; message: string };
  /** Returns the id of the message once it is in the outbox; throws `SyncRefusal` if it cannot be put there. */
  send(conversation: string, text: string, attachments?: readonly string[]): string;
  /** Files of this tab, on their way up or there. */
  readonly uploads: Readable<readonly Upload[]>;
  /** What was written and not sent; read it once boot is ready. */
  readonly drafts: Drafts;
  /** Where the reader was in each conversation; read it once boot is ready. */
  readonly places: Places;
  /** Send a file up, to be attached by the id that is returned. Throws `SyncRefusal`. */
  attach(file: LocalFile): string;
  /** Forget a file that was not sent. */
  detach(id: string): void;
  /** Send a failed message again: the same id, so that it cannot stand there twice. */
  retry(conversation: string, message: string): void;
  /** Forget a failed message. */
  discard(conversation: string, message: string): void;
  /** End the run. What waits behind it runs next, or is taken back with `withdraw`. */
  stop(conversation: string, withdraw?: boolean): Promise<Outcome>;
  /** Have a message say something else where it stands; nothing is answered anew. Throws `SyncRefusal`. */
  edit(
    conversation: string,
    message: string,
    text: string,
    attachments?: readonly string[],
  ): Promise<Outcome>;
  /**
   * Have a message answered anew, on a branch of its own; `item` is the answer, or the notice that says there is none.
   * `agent`: another one that answers.
   */
  tryAgain(conversation: string, item: string, agent?: string): Promise<Outcome>;
  /** Say something else in the place of a message, on a branch of its own, and have that answered. Throws `SyncRefusal`. */
  rewrite(
    conversation: string,
    message: string,
    text: string,
    attachments?: readonly string[],
  ): Promise<Outcome>;
  /** Show another branch, in every tab. */
  choose(conversation: string, branch: string): Promise<Outcome>;
  /** Take back a message that waits behind a run. */
  withdraw(conversation: string, message: string): Promise<Outcome>;
  /** Files that the server has, to be attached again by their ids. */
  restore(files: readonly AttachmentRef[]): void;
  rename(conversation: string, title: string): Promise<Outcome>;
  /** Have another agent, by its slug, answer from here on. */
  changeAgent(conversation: string, agent: string): Promise<Outcome>;
  remove(conversation: string): Promise<Outcome>;
  /** Say of a call in doubt what happened (rule R4). `result`: what the model shall read, if it happened. */
  settle(
    conversation: string,
    call: string,
    decision: SettleBody["decision"],
    result?: string,
  ): Promise<Outcome>;
  /**
   * Allow a call that awaits a yes, or refuse it, with a reason if there is one (rule W8). `digest` is that of its
   * `approval`: what the person was shown.
   */
  approve(
    conversation: string,
    call: string,
    digest: string,
    decision: ApproveBody["decision"],
    note?: string,
  ): Promise<Outcome>;
  /** Have what the provider refused sent again with later requests; `message` is the id of the item. */
  takeBack(conversation: string, message: string): Promise<Outcome>;
  /** The page of items before the oldest one shown. Does nothing while one is being loaded. */
  loadOlder(conversation: string): Promise<void>;
  /**
   * Have the item at this place among `items`, on the branch that is shown, without all that is between. False: it could not
   * be loaded.
   */
  reach(conversation: string, seq: number): Promise<boolean>;
  /** A page of what is missing before `gap`: the first of it, or the last (`up`). */
  loadBetween(conversation: string, up: boolean): Promise<void>;
  /** What is found in all conversations, newest first. Rejects with `HttpError`. */
  searchTexts(query: string, filters: SearchFilters, after?: string | null): Promise<SearchPage>;
  /** All places of a conversation in which something is, on the branch that is shown. Rejects with `HttpError`. */
  find(conversation: string, query: string): Promise<PlacePage>;
  /** What is to be said to agents at certain times. */
  readonly schedules: Schedules;
  /** What is waited for, and what agents are told when it happens. */
  readonly triggers: Triggers;
  /** What agents have noted for the reader. */
  readonly notes: Notes;
  /** Copies of conversations, and those that are brought in from a file. */
  readonly copies: Copies;
  /** What a run did with its time. Rejects with `HttpError`. */
  timeline(conversation: string, run: string): Promise<Timeline>;
  /** A call whole. Rejects with `HttpError`. */
  callDetail(conversation: string, call: string): Promise<CallDetail>;
}

/** Thrown by `send` and `newConversation`. */
export class SyncRefusal extends Error {
  constructor(readonly code: LocalRefusal) {
    super(`not sent: ${code}`);
    this.name = "SyncRefusal";
  }
}
