// Generated from chat/entrances/web/protocol.py, agents/events and agents/lifecycle.py by `npm run protocol`. Do not edit.

export type ClientFrame = Hello | Open | Close | Command | Ping;
export type CommandBody =
  | CreateBody
  | SendBody
  | StopBody
  | RenameBody
  | ChangeAgentBody
  | DeleteBody
  | SettleBody
  | ApproveBody
  | TakeBackBody
  | EditBody
  | WithdrawBody
  | TryAgainBody
  | RewriteBody
  | ChooseBody;
export type ServerFrame =
  | Welcome
  | Wait
  | Snapshot
  | EventFrame
  | Part
  | Synced
  | Result
  | Heartbeat
  | Resync
  | ListChanged
  | Gone
  | Goaway
  | ErrorFrame
  | Pong;
export type RunStatus = "queued" | "running" | "waiting" | "recovering" | "finished" | "failed" | "stopped";
export type RunCode =
  | "limit_steps"
  | "limit_seconds"
  | "limit_tokens"
  | "model_unreachable"
  | "model_auth"
  | "model_quota"
  | "model_unknown"
  | "model_busy"
  | "model_rejected"
  | "model_error"
  | "content_refused"
  | "no_answer"
  | "transcript_invalid"
  | "crashed_too_often"
  | "outcome_unknown"
  | "agent_missing"
  | "internal";
export type Item = MessageItem | NoteItem | StepItem | NoticeItem | AgentItem;
export type StepStatus = "streaming" | "finished" | "stopped" | "discarded";
export type Effect = "read_only" | "idempotent" | "effectful";
export type CallStatus =
  "proposed" | "awaiting_approval" | "queued" | "running" | "in_doubt" | "succeeded" | "failed" | "cancelled";
export type CallCode =
  | "tool_error"
  | "timeout"
  | "unknown_tool"
  | "not_permitted"
  | "malformed_arguments"
  | "truncated_arguments"
  | "invalid_arguments"
  | "not_started"
  | "cancelled_by_user"
  | "interrupted"
  | "outcome_unknown"
  | "refused"
  | "resolved_by_person";
export type Incomplete =
  "length" | "length_before_answer" | "content_filter" | "interrupted" | "thinking_only" | "other";
export type AnyEvent =
  | ConversationCreated
  | ConversationRenamed
  | AgentChanged
  | MessageAdded
  | MessageLeftOut
  | MessageTakenBack
  | MessageEdited
  | MessageWithdrawn
  | NoteAdded
  | BranchOpened
  | BranchChosen
  | BranchContinued
  | RunQueued
  | RunStarted
  | RunRecovering
  | RunWaiting
  | RunResumed
  | RunRetrying
  | RunStopping
  | RunFinished
  | RunFailed
  | RunStopped
  | StepStarted
  | StepFinished
  | StepStopped
  | StepDiscarded
  | HistoryCompacted
  | ApprovalAsked
  | ApprovalDecided
  | CallStarted
  | CallProgress
  | CallSettled
  | CallInDoubt
  | CallRetried;
export type ResultCode =
  | "not_found"
  | "bad_command"
  | "id_reused"
  | "no_run"
  | "unknown_call"
  | "unknown_message"
  | "already_read"
  | "run_active"
  | "unknown_branch"
  | "too_many_branches"
  | "already_settled"
  | "already_decided"
  | "wrong_digest"
  | "too_many_waiting"
  | "agent_missing"
  | "unknown_attachment"
  | "unavailable"
  | "forbidden"
  | "too_fast"
  | "runs_spent"
  | "tokens_spent"
  | "money_spent"
  | "conversations_full";
export type ResyncReason = "epoch" | "gap" | "slow" | "behind" | "store_lost";
export type GoawayReason = "restart" | "crowded" | "protocol" | "token" | "logged_out";
export type ErrorCode =
  | "bad_frame"
  | "too_large"
  | "too_fast"
  | "not_found"
  | "too_many_open"
  | "hello_first"
  | "protocol"
  | "unavailable";

/**
 * All that crosses the wire, by the name of its type.
 */
export interface Wire {
  ClientFrame: ClientFrame;
  ServerFrame: ServerFrame;
  Boot: Boot;
  ConversationList: ConversationList;
  ItemPage: ItemPage;
  SearchPage: SearchPage;
  PlacePage: PlacePage;
  CallDetail: CallDetail;
  AgentEntry: AgentEntry;
}
/**
 * First frame on a socket. `tab` is a random id of the tab, for the log only. `token` is `Boot.hello_token`:
 * whoever says it can read what this site says to the login (rule W11).
 */
export interface Hello {
  type: "hello";
  protocol: number;
  tab: string;
  token: string;
}
/**
 * Show me this conversation, live. `cursor`: where I am, if I have it; a snapshot comes unless it is the head.
 */
export interface Open {
  type: "open";
  conversation: string;
  cursor?: string | null;
}
export interface Close {
  type: "close";
  conversation: string;
}
/**
 * A request to change a conversation; `id` is a UUIDv7 made by the client (rule W5).
 */
export interface Command {
  type: "command";
  id: string;
  conversation: string;
  body: CommandBody;
}
/**
 * Make the conversation. Without an agent's slug it gets the default agent.
 */
export interface CreateBody {
  kind: "create";
  agent?: string;
  title?: string;
}
/**
 * `message` is the client-made id of the message, so that the outbox can recognise it in the state.
 *
 * `attachments` are ids of files that were uploaded before. With at least one the text may be empty. `branch` is the
 * one that its author looked at; none said: the one that is shown.
 */
export interface SendBody {
  kind: "send";
  message: string;
  text: string;
  /**
   * @maxItems 5
   */
  attachments?: string[];
  branch?: string | null;
}
/**
 * `run` is the run that is meant: a stop that comes late, after a long outage, must not end a later one. What waits
 * behind it runs next, unless `withdraw` takes it back.
 */
export interface StopBody {
  kind: "stop";
  run?: string | null;
  withdraw?: boolean;
}
/**
 * Give the conversation another title.
 */
export interface RenameBody {
  kind: "rename";
  title: string;
}
/**
 * Have another agent, by its slug, answer from here on; while a run is at work it is rejected.
 */
export interface ChangeAgentBody {
  kind: "change_agent";
  agent: string;
}
/**
 * Remove the conversation for good.
 */
export interface DeleteBody {
  kind: "delete";
}
/**
 * What a person says of a call that is in doubt (rule R4); `call` must name it (rule W7).
 */
export interface SettleBody {
  kind: "settle";
  call: string;
  decision: "happened" | "did_not_happen" | "run_again";
  result?: string;
}
/**
 * A person allows a call that awaits their yes, or refuses it. `digest` is that of what they were shown, so that
 * nobody allows what they have not seen (rule W8); `note` is the reason of a refusal, for the model to read.
 */
export interface ApproveBody {
  kind: "approve";
  call: string;
  digest: string;
  decision: "approve" | "refuse";
  note?: string;
}
/**
 * What a provider refused, and later requests go without, is to be sent again. `message` is the id of the message,
 * the note or the step.
 */
export interface TakeBackBody {
  kind: "take_back";
  message: string;
}
/**
 * Have a message say something else where it stands, with these files; nothing is answered anew. `message` is its
 * id.
 */
export interface EditBody {
  kind: "edit";
  message: string;
  text: string;
  /**
   * @maxItems 5
   */
  attachments?: string[];
}
/**
 * Take back a message that waits behind a run: it leaves the transcript.
 */
export interface WithdrawBody {
  kind: "withdraw";
  message: string;
}
/**
 * Have a message answered anew, on a branch of its own: `item` is the answer (a step), or what says that there is
 * none (a notice). The answer stays, on its branch. `agent` is another one that answers, by its slug.
 */
export interface TryAgainBody {
  kind: "try_again";
  item: string;
  branch: string;
  agent?: string;
}
/**
 * Say something else in the place of a message, on a branch of its own, and have that answered. What was said
 * stays, with all that follows it, on its branch. `message` is its id, `as_message` the client-made one of the new.
 */
export interface RewriteBody {
  kind: "rewrite";
  message: string;
  as_message: string;
  branch: string;
  text: string;
  /**
   * @maxItems 5
   */
  attachments?: string[];
}
/**
 * Show another branch, in every tab.
 */
export interface ChooseBody {
  kind: "choose";
  branch: string;
}
export interface Ping {
  type: "ping";
}
/**
 * `now` is the server's clock in ms, so that elapsed times are right on a client whose clock is not.
 */
export interface Welcome {
  type: "welcome";
  protocol: number;
  user: string;
  now: number;
  heartbeat_ms: number;
}
/**
 * Many are coming back at once: the turn of this socket is in about `after_ms`. Comes before `welcome`, more than
 * once if it takes long. The client stays: one that begins anew goes to the end of the queue (rule W9).
 */
export interface Wait {
  type: "wait";
  after_ms: number;
}
/**
 * The whole state at `cursor`. Sent in `pieces` when it is large: the items of all pieces, in order, make
 * the state, and it is applied when the last one is there (rule W10). `piece` counts from 1 to `pieces`; info,
 * run and part are in every piece, the same.
 */
export interface Snapshot {
  type: "snapshot";
  conversation: string;
  cursor: string;
  piece: number;
  pieces: number;
  state: SessionState;
  part: SnapshotPart | null;
}
/**
 * What one conversation shows: `items` in transcript order (ascending seq). One with branches says which is shown,
 * and may hold items of others, of which something is open or waits.
 */
export interface SessionState {
  info: Info;
  run: RunView | null;
  branches?: BranchesView;
  seen?: SeenView;
  items: Item[];
}
export interface Info {
  title: string;
  agent: string;
  created_at: number;
  usage: UsageView;
  copied_from?: CopiedView;
}
/**
 * Tokens; `cost` is in billionths of a US dollar, null where no price was known.
 */
export interface UsageView {
  input: number;
  output: number;
  cached: number;
  cost: number | null;
}
/**
 * Where a conversation was copied from (`agents.events.CopiedFrom`).
 */
export interface CopiedView {
  conversation: string;
  title: string;
  item: string;
}
/**
 * `branch`: where it goes on, if not on the first one. `agent`: who answers, if not the conversation's agent.
 */
export interface RunView {
  id: string;
  cause: string;
  status: RunStatus;
  since: number | null;
  attempt: number;
  worker: string;
  queued_at: number;
  started_at: number | null;
  ended_at: number | null;
  stopping: boolean;
  reason: string | null;
  code: RunCode | null;
  detail: string;
  retry_at: number | null;
  usage: UsageView;
  branch?: string;
  agent?: string;
}
/**
 * The branches of a conversation that has any: the one that is shown ("" is the first), the items that it has, and
 * its forks.
 */
export interface BranchesView {
  shown: string;
  path: SegmentView[];
  forks: ForkView[];
  all: BranchView[];
  main_shown_at: number;
}
/**
 * Of `branch`, what stands below `below`; null: all of it.
 */
export interface SegmentView {
  branch: string;
  below: number | null;
}
/**
 * A place on what is shown from which there is more than one way on: which branch each way shows, and which of them
 * is taken. It is told at the first item at or after `before`.
 */
export interface ForkView {
  before: number;
  ways: string[];
  at: number;
}
/**
 * One branch: it has what `parent` has below seq `before`, and then its own (`agents/branches.py`).
 */
export interface BranchView {
  id: string;
  parent: string;
  before: number;
  shown_at: number;
}
/**
 * Of each branch the seq of what a request has had last: a message behind it waits.
 */
export interface SeenView {
  seen: {
    [k: string]: number;
  };
}
/**
 * What a person said. Items stored before there were attachments lack that field; `left_out` null, or not there:
 * the model gets it whole; `edited` not there: it says what was sent.
 */
export interface MessageItem {
  kind: "message";
  seq: number;
  id: string;
  text: string;
  at: number;
  origin: OriginView;
  attachments: AttachmentView[];
  left_out: LeftOutView | null;
  branch?: string;
  edited?: EditedView;
}
/**
 * Where a message came in: the entrance, and who or what spoke there.
 */
export interface OriginView {
  entrance: string;
  name: string;
  actor?: string;
}
/**
 * A file that came with a message; `size` is in bytes.
 */
export interface AttachmentView {
  id: string;
  name: string;
  media_type: string;
  size: number;
}
/**
 * That later requests go without this item, or without these `files` of it (none named: all of it); `detail` is in
 * the words of whoever refused it, `model`.
 */
export interface LeftOutView {
  reason: "content_filter" | "image" | "refused";
  detail: string;
  files: string[];
  model: string;
  at: number;
}
/**
 * That a message says something else than when it was sent: when and by whom it was last changed, and what it said
 * at first.
 */
export interface EditedView {
  at: number;
  by: string;
  text: string;
}
export interface NoteItem {
  kind: "note";
  seq: number;
  id: string;
  text: string;
  at: number;
  origin: OriginView;
  left_out: LeftOutView | null;
  branch?: string;
}
/**
 * `reasoning`: what the model said to itself. `incomplete`: why a finished one is not a whole answer (rule R14).
 * Those stored before these were noted lack the fields.
 */
export interface StepItem {
  kind: "step";
  seq: number;
  id: string;
  run: string;
  status: StepStatus;
  attempt: number;
  survived: boolean;
  model: string;
  text: string;
  reasoning: string;
  calls: CallView[];
  usage: UsageView | null;
  incomplete: Incomplete | null;
  at: number;
  ended_at: number | null;
  left_out: LeftOutView | null;
  branch?: string;
  agent?: string;
}
/**
 * `approval` null: nobody was asked. Calls stored before there were approvals lack that field.
 */
export interface CallView {
  id: string;
  ordinal: number;
  name: string;
  arguments: string;
  effect: Effect;
  status: CallStatus;
  attempt: number;
  worker: string;
  progress: Progress | null;
  preview: string;
  size: number;
  code: CallCode | null;
  by: string;
  approval: ApprovalView | null;
  started_at: number | null;
  ended_at: number | null;
}
export interface Progress {
  fraction: number | null;
  note: string;
}
/**
 * That a person was asked whether the call may run, and what they said; `decision` null: nothing yet (rule W8).
 */
export interface ApprovalView {
  digest: string;
  asked_at: number;
  decision: ("approved" | "refused") | null;
  by: string;
  note: string;
  decided_at: number | null;
}
export interface NoticeItem {
  kind: "notice";
  seq: number;
  id: string;
  at: number;
  code: RunCode | "stopped";
  detail: string;
  branch?: string;
}
/**
 * From here on another agent answers, and no more the one of `before`.
 */
export interface AgentItem {
  kind: "agent";
  seq: number;
  id: string;
  at: number;
  agent: string;
  before: string;
  by: string;
  branch?: string;
}
export interface SnapshotPart {
  message: string;
  text: string;
}
/**
 * `prev` is the cursor before this event, `cursor` the one after it, `seq` its number (rule W2).
 */
export interface EventFrame {
  type: "event";
  conversation: string;
  prev: string;
  cursor: string;
  seq: number;
  event: AnyEvent;
}
/**
 * `copied_from`: what follows was told in another conversation, up to where this one went its own way.
 */
export interface ConversationCreated {
  at: number;
  type: "conversation.created";
  title: string;
  agent: string;
  copied_from?: CopiedFrom | null;
}
/**
 * Where a conversation was copied from: which one, its title then, and up to which of its items; "": to its end. A
 * conversation of another installation has no id here.
 */
export interface CopiedFrom {
  conversation: string;
  title: string;
  item: string;
}
/**
 * It has another title: one that a person has chosen, or the beginning of its first message. With a `model`, that
 * one has written it unasked from how the conversation began, at the price of `usage` (chat/titles/); with a `problem`
 * it has written in vain, and `title` is what it was.
 */
export interface ConversationRenamed {
  at: number;
  type: "conversation.renamed";
  title: string;
  model?: string;
  problem?: string;
  usage?: Usage | null;
}
/**
 * Tokens of one model response, as the provider counted them. `cached` is the share of `input` that came from
 * the provider's cache; `cost` in billionths of a US dollar, None where the agent has no prices.
 */
export interface Usage {
  input: number;
  output: number;
  cached: number;
  cost: number | null;
}
/**
 * Another agent answers from here on, and no more the one of `before`. Not ignorable: a release that does not know
 * it would have the wrong agent answer.
 */
export interface AgentChanged {
  at: number;
  type: "conversation.agent_changed";
  agent: string;
  before: string;
  by: string;
}
/**
 * A person (or a schedule, or a trigger) said something. It joins the transcript at this place (rule R6).
 */
export interface MessageAdded {
  at: number;
  type: "message.added";
  message: string;
  text: string;
  origin: Origin;
  attachments: AttachmentRef[];
}
/**
 * Where a message came in: the entrance by its registered name, and who or what spoke there.
 *
 * `actor`: who that is, where it is not simply the conversation's owner: `user:<primary key>`, or `guest:<id>` for
 * somebody who is no user here (chat/runs/acting.py). It is not written where it says nothing, so that such texts are
 * those of the releases before.
 */
export interface Origin {
  entrance: string;
  name: string;
  actor?: string;
}
/**
 * A file that came with a message. The journal names it; its bytes lie in the file storage under `id`.
 *
 * `media_type` is what a look at the bytes has found, `size` is in bytes.
 */
export interface AttachmentRef {
  id: string;
  name: string;
  media_type: string;
  size: number;
}
/**
 * The provider refuses requests with this: what a message or note says, or what a step's tools gave (`message` is
 * the id of any of them), or only these `files` of a message. Later requests go without, until it is taken back.
 * `model` is who refused it, in the words of `detail`.
 */
export interface MessageLeftOut {
  at: number;
  type: "message.left_out";
  message: string;
  reason: "content_filter" | "image" | "refused";
  files: string[];
  detail: string;
  model: string;
  ignorable: true;
}
/**
 * Somebody wants what was left out to be sent again.
 */
export interface MessageTakenBack {
  at: number;
  type: "message.taken_back";
  message: string;
  by: string;
  ignorable: true;
}
/**
 * A message says something else from now on, with these files, where it stands. What the model has answered stays;
 * later requests have the new words. What it said first is in the journal.
 */
export interface MessageEdited {
  at: number;
  type: "message.edited";
  message: string;
  text: string;
  attachments: AttachmentRef[];
  by: string;
}
/**
 * A message that no request has had yet was taken back: it leaves the transcript and is not answered.
 */
export interface MessageWithdrawn {
  at: number;
  type: "message.withdrawn";
  message: string;
  by: string;
}
/**
 * Something was told to the conversation from elsewhere; the model reads it, nobody is asked to answer.
 */
export interface NoteAdded {
  at: number;
  type: "note.added";
  message: string;
  text: string;
  origin: Origin;
}
/**
 * From here on another way is gone: a branch that has what `parent`'s path has before seq `before`, and then its
 * own. It is the one that is shown, and what people say belongs to it (agents/branches.py).
 */
export interface BranchOpened {
  at: number;
  type: "branch.opened";
  branch: string;
  parent: string;
  before: number;
  by: string;
}
/**
 * Another branch is the one that is shown, in every tab, and what people say belongs to it.
 */
export interface BranchChosen {
  at: number;
  type: "branch.chosen";
  branch: string;
  by: string;
}
/**
 * A run goes on with this branch: its steps, results and summaries belong there, whatever is shown. It stands
 * behind the `run.queued` of every run in a conversation that has branches, so that a release which knows none leaves
 * the run to others (rule J4). `agent`: who answers, where that is not the conversation's agent.
 */
export interface BranchContinued {
  at: number;
  type: "branch.continued";
  run: string;
  branch: string;
  agent: string;
}
export interface RunQueued {
  at: number;
  type: "run.queued";
  run: string;
  cause: string;
}
/**
 * A worker owns the run now. `attempt` 2 and above: it took over from a dead or leaving owner (rule R4).
 */
export interface RunStarted {
  at: number;
  type: "run.started";
  run: string;
  attempt: number;
  fence: number;
  worker: string;
}
/**
 * The run's owner was lost; somebody will take over. `crashed`: its process, which performed nothing but suspects,
 * was seen to die; no other reason proves that one of its runs was the cause. `crowd`: how many runs were lost with
 * this owner, itself included; 0: nobody counted (which with `crashed` means that it was alone, as in 0.1.0).
 */
export interface RunRecovering {
  at: number;
  type: "run.recovering";
  run: string;
  reason: "lease_lost" | "handed_over" | "store_lost" | "crashed" | "internal_error";
  crowd?: number;
}
export interface RunWaiting {
  at: number;
  type: "run.waiting";
  run: string;
  reason: "approval" | "browser" | "in_doubt";
}
/**
 * What the run waited for has come; it may be queued for a worker again.
 */
export interface RunResumed {
  at: number;
  type: "run.resumed";
  run: string;
}
/**
 * The model could not answer; the next try is at `retry_at`.
 */
export interface RunRetrying {
  at: number;
  type: "run.retrying";
  run: string;
  code: RunCode;
  detail: string;
  retry_at: number;
}
/**
 * Somebody asked for a stop; whoever owns the run carries it out (rule R7).
 */
export interface RunStopping {
  at: number;
  type: "run.stopping";
  run: string;
  by: string;
}
export interface RunFinished {
  at: number;
  type: "run.finished";
  run: string;
  limit: RunCode | null;
  detail: string;
}
export interface RunFailed {
  at: number;
  type: "run.failed";
  run: string;
  code: RunCode;
  detail: string;
}
export interface RunStopped {
  at: number;
  type: "run.stopped";
  run: string;
  by: string;
}
/**
 * A request goes to the model. The step stands here in the transcript; a retry moves it to its new place.
 * `request` tells how the request was made, `agent` who answers; None and "": an earlier release did not tell.
 */
export interface StepStarted {
  at: number;
  type: "step.started";
  run: string;
  step: string;
  attempt: number;
  model: string;
  request?: RequestFacts | null;
  agent?: string;
}
/**
 * What decided how a request was made, beside the history (`agents/recording.py`). `settings` and `digest` are
 * digests: of the model, prompt, tools and profile as they were then, and of the address and the body. `form` names
 * the changes of its form (rule T5), `window` is in tokens, `since` is the seq from which on the history was held.
 */
export interface RequestFacts {
  settings: string;
  form: string[];
  window: number;
  since: number;
  omitted: LeftOutFact[];
  omitted_for: string;
  digest: string;
}
/**
 * An item that a request goes without, by its id, or only these files of it.
 */
export interface LeftOutFact {
  item: string;
  files: string[];
}
/**
 * The response is complete (rule R5): its text and its ordered calls. `replay` is the issuer's own data
 * (reasoning, signatures, item ids), sent back unchanged and only to its issuer (rule V14). `finish` is the
 * provider's word for why it ended; `incomplete` says that, and why, it is not a whole answer (rule R14).
 */
export interface StepFinished {
  at: number;
  type: "step.finished";
  run: string;
  step: string;
  text: string;
  calls: ProposedCall[];
  usage: Usage;
  finish: string;
  reasoning?: string;
  incomplete?: Incomplete | null;
  issuer: string;
  replay: {
    [k: string]: unknown;
  } | null;
  first_at?: number | null;
  sent?: string;
}
/**
 * One tool call as the model asked for it. `arguments` is the model's own text, valid JSON or not.
 */
export interface ProposedCall {
  call: string;
  ordinal: number;
  name: string;
  arguments: string;
  provider_id: string;
  effect: Effect;
  problem: CallCode | null;
}
/**
 * A person stopped the response in the middle: what had been streamed is kept, calls are not.
 */
export interface StepStopped {
  at: number;
  type: "step.stopped";
  run: string;
  step: string;
  text: string;
  reasoning?: string;
  first_at?: number | null;
}
/**
 * The response was cut and will not be completed in this place; nothing of it is kept.
 */
export interface StepDiscarded {
  at: number;
  type: "step.discarded";
  run: string;
  step: string;
  reason: string;
}
/**
 * For the model, `summary` stands from now on for the items up to seq `upto` (rule T2). For people nothing
 * changes. `items` were replaced, of about `before` tokens; `model` wrote the summary at the price of `usage`.
 * With a `problem` there is no summary and nothing is replaced: it was asked for in vain.
 */
export interface HistoryCompacted {
  at: number;
  type: "history.compacted";
  run: string;
  upto: number;
  summary: string;
  items: number;
  before: number;
  model: string;
  problem: string;
  usage: Usage;
}
/**
 * The call runs only if a person allows it. `digest` is `approval_digest` of what they are shown (rule W8).
 */
export interface ApprovalAsked {
  at: number;
  type: "approval.asked";
  step: string;
  call: string;
  digest: string;
}
/**
 * Somebody allowed the call or refused it; the first word stands, and only about what was asked (rule W8). A
 * refusal is followed, in the same append, by the call's outcome. `note`: their reason, for the model too.
 */
export interface ApprovalDecided {
  at: number;
  type: "approval.decided";
  step: string;
  call: string;
  digest: string;
  decision: "approved" | "refused";
  by: string;
  note: string;
}
/**
 * Stored before the tool runs (rule R3).
 */
export interface CallStarted {
  at: number;
  type: "call.started";
  step: string;
  call: string;
  attempt: number;
  fence: number;
  worker: string;
}
export interface CallProgress {
  at: number;
  type: "call.progress";
  step: string;
  call: string;
  fraction: number | null;
  note: string;
}
/**
 * The call's outcome, once and for all. `result` is what the model reads; `preview` is what a card shows.
 */
export interface CallSettled {
  at: number;
  type: "call.settled";
  step: string;
  call: string;
  attempt: number;
  status: "succeeded" | "failed" | "cancelled";
  result: string;
  preview: string;
  size: number;
  code: CallCode | null;
  by: string;
}
/**
 * The call's worker died while it ran: its effect may or may not have happened (rule R4).
 */
export interface CallInDoubt {
  at: number;
  type: "call.in_doubt";
  step: string;
  call: string;
  attempt: number;
}
/**
 * A person or a policy decided that the call is to be run again.
 */
export interface CallRetried {
  at: number;
  type: "call.retried";
  step: string;
  call: string;
  by: string;
}
/**
 * Streaming text of the step `message`: `text` goes at `offset` (in UTF-16 code units). Not an event (rule W4).
 */
export interface Part {
  type: "part";
  conversation: string;
  message: string;
  offset: number;
  text: string;
}
/**
 * The client has all that there is up to `cursor`.
 */
export interface Synced {
  type: "synced";
  conversation: string;
  cursor: string;
}
/**
 * What became of a command. `applied` and `duplicate` mean that it is committed (rule S5).
 */
export interface Result {
  type: "result";
  id: string;
  conversation: string;
  status: "applied" | "duplicate" | "rejected";
  code: ResultCode | null;
  cursor: string | null;
  retry: boolean;
}
/**
 * The head cursor of each open conversation (rule W3).
 */
export interface Heartbeat {
  type: "heartbeat";
  heads: {
    [k: string]: string;
  };
  now: number;
}
/**
 * What you have of this conversation cannot be continued: open it again.
 */
export interface Resync {
  type: "resync";
  conversation: string;
  reason: ResyncReason;
}
/**
 * The user's list of conversations changed; fetch it over HTTP. Carries no data, like any bell.
 */
export interface ListChanged {
  type: "list";
}
/**
 * The conversation does not exist for this user (never did, or was deleted).
 */
export interface Gone {
  type: "gone";
  conversation: string;
}
/**
 * Reconnect after `after_ms` (rule W9), unless the reason is `protocol` or `logged_out`. `token`: that of the hello
 * is not of this login; fetch the boot data again before.
 */
export interface Goaway {
  type: "goaway";
  after_ms: number;
  reason: GoawayReason;
}
/**
 * Something could not be done. `command`: the id of the command that was refused unread, where it can be told.
 */
export interface ErrorFrame {
  type: "error";
  code: ErrorCode;
  detail: string;
  retry: boolean;
  conversation: string | null;
  command: string | null;
}
export interface Pong {
  type: "pong";
  now: number;
}
/**
 * What the page needs before the socket: who, which agents, limits.
 */
export interface Boot {
  user: string;
  agents: AgentEntry[];
  csrf: string;
  hello_token: string;
  admin: boolean;
  max_text: number;
  max_file: number;
  max_import: number;
  renderers: {
    [k: string]: string;
  };
  entrances: {
    [k: string]: string;
  };
}
export interface AgentEntry {
  slug: string;
  name: string;
  description: string;
}
export interface ConversationList {
  conversations: ConversationEntry[];
  more: boolean;
}
/**
 * One row of the conversation list.
 */
export interface ConversationEntry {
  id: string;
  title: string;
  agent: string;
  created_at: number;
  updated_at: number;
  run_status: RunStatus | null;
  pinned: boolean;
  archived: boolean;
}
/**
 * Older items of a conversation, ascending; `more` if there are still older ones.
 */
export interface ItemPage {
  items: Item[];
  more: boolean;
}
/**
 * What was found, newest first; `titles` only on the first page. `next`: from where to go on, null at the end.
 * A page may be short, or empty, and still have one.
 */
export interface SearchPage {
  titles: SearchHit[];
  hits: SearchHit[];
  next: string | null;
}
/**
 * A place in which something was found. `snippet` is plain text with `marks`. `item`, `seq` and `branch` say
 * where it stands in its conversation; of a title they say nothing.
 */
export interface SearchHit {
  conversation: string;
  title: string;
  agent: string;
  archived: boolean;
  kind: "title" | "message" | "answer" | "result";
  item: string;
  seq: number;
  branch: string;
  at: number;
  snippet: string;
  marks: FoundMark[];
  cut_before: boolean;
  cut_after: boolean;
}
/**
 * A place [start, end) of a snippet, in UTF-16 code units.
 */
export interface FoundMark {
  start: number;
  end: number;
}
/**
 * All places of a conversation on one branch, in their order; `elsewhere`: how many there are on others.
 */
export interface PlacePage {
  places: PlaceEntry[];
  elsewhere: number;
}
/**
 * An item in which something was found.
 */
export interface PlaceEntry {
  seq: number;
  item: string;
  kind: "message" | "answer" | "result";
  branch: string;
}
/**
 * A call whole: the card shows a preview, this has all of it.
 */
export interface CallDetail {
  id: string;
  name: string;
  arguments: string;
  result: string;
  status: CallStatus;
}

export const PROTOCOL = 3;
export const MAX_TEXT = 32000;
export const MAX_NOTE = 1000;
export const MAX_ATTACHMENTS = 5;
export const WINDOW = 50;
export const EVENT_VERSIONS = {
  "conversation.created": 1,
  "conversation.renamed": 1,
  "conversation.agent_changed": 1,
  "message.added": 1,
  "message.left_out": 1,
  "message.taken_back": 1,
  "message.edited": 1,
  "message.withdrawn": 1,
  "note.added": 1,
  "branch.opened": 1,
  "branch.chosen": 1,
  "branch.continued": 1,
  "run.queued": 1,
  "run.started": 1,
  "run.recovering": 1,
  "run.waiting": 1,
  "run.resumed": 1,
  "run.retrying": 1,
  "run.stopping": 1,
  "run.finished": 1,
  "run.failed": 1,
  "run.stopped": 1,
  "step.started": 1,
  "step.finished": 1,
  "step.stopped": 1,
  "step.discarded": 1,
  "history.compacted": 1,
  "approval.asked": 1,
  "approval.decided": 1,
  "call.started": 1,
  "call.progress": 1,
  "call.settled": 1,
  "call.in_doubt": 1,
  "call.retried": 1
} as const;
export const RUN = {
  "run.queued": {
    "states": [
      "new"
    ],
    "to": "queued",
    "by": ""
  },
  "run.started": {
    "states": [
      "queued",
      "recovering",
      "waiting"
    ],
    "to": "running",
    "by": ""
  },
  "run.recovering": {
    "states": [
      "running"
    ],
    "to": "recovering",
    "by": ""
  },
  "run.waiting": {
    "states": [
      "running",
      "recovering",
      "waiting"
    ],
    "to": "waiting",
    "by": ""
  },
  "run.resumed": {
    "states": [
      "waiting"
    ],
    "to": "queued",
    "by": ""
  },
  "run.retrying": {
    "states": [
      "running",
      "recovering"
    ],
    "to": null,
    "by": ""
  },
  "run.stopping": {
    "states": [
      "queued",
      "running",
      "waiting",
      "recovering"
    ],
    "to": null,
    "by": ""
  },
  "run.finished": {
    "states": [
      "running",
      "recovering"
    ],
    "to": "finished",
    "by": ""
  },
  "run.failed": {
    "states": [
      "queued",
      "running",
      "waiting",
      "recovering"
    ],
    "to": "failed",
    "by": ""
  },
  "run.stopped": {
    "states": [
      "queued",
      "running",
      "waiting",
      "recovering"
    ],
    "to": "stopped",
    "by": ""
  }
} as const;
export const STEP = {
  "step.started": {
    "states": [
      "new",
      "streaming"
    ],
    "to": "streaming",
    "by": ""
  },
  "step.finished": {
    "states": [
      "streaming"
    ],
    "to": "finished",
    "by": ""
  },
  "step.stopped": {
    "states": [
      "streaming"
    ],
    "to": "stopped",
    "by": ""
  },
  "step.discarded": {
    "states": [
      "streaming"
    ],
    "to": "discarded",
    "by": ""
  }
} as const;
export const CALL = {
  "step.finished": {
    "states": [
      "new"
    ],
    "to": "proposed",
    "by": ""
  },
  "approval.asked": {
    "states": [
      "proposed"
    ],
    "to": "awaiting_approval",
    "by": ""
  },
  "approval.decided": {
    "states": [
      "awaiting_approval"
    ],
    "to": {
      "approved": "queued",
      "refused": "awaiting_approval"
    },
    "by": "decision"
  },
  "call.started": {
    "states": [
      "proposed",
      "queued"
    ],
    "to": "running",
    "by": ""
  },
  "call.progress": {
    "states": [
      "running"
    ],
    "to": null,
    "by": ""
  },
  "call.settled": {
    "states": [
      "proposed",
      "awaiting_approval",
      "queued",
      "running",
      "in_doubt"
    ],
    "to": {
      "succeeded": "succeeded",
      "failed": "failed",
      "cancelled": "cancelled"
    },
    "by": "status"
  },
  "call.in_doubt": {
    "states": [
      "running"
    ],
    "to": "in_doubt",
    "by": ""
  },
  "call.retried": {
    "states": [
      "running",
      "in_doubt"
    ],
    "to": "queued",
    "by": ""
  }
} as const;
