import type { ConversationView, RunView } from "../sync";
import type { Key } from "./i18n";
import { callsInDoubt, callsToApprove, isActiveStatus, streamingStep } from "./view";

/** What a screen reader has to know of a moment: small, so that two moments can be compared. */
export interface Moment {
  conversation: string | null;
  ready: boolean;
  /** Messages of this tab that the server does not have yet. */
  sending: readonly string[];
  failed: readonly string[];
  run: { id: string; status: RunView["status"]; code: string | null } | null;
  answering: boolean;
  /** The last answer is not a whole one. */
  half: boolean;
  doubts: number;
  /** Calls that wait for a yes. */
  asked: number;
  /** The banner is up. */
  disconnected: boolean;
}

export function momentOf(view: ConversationView | null, disconnected: boolean): Moment {
  if (view === null) {
    return {
      conversation: null,
      ready: true,
      sending: [],
      failed: [],
      run: null,
      answering: false,
      half: false,
      doubts: 0,
      asked: 0,
      disconnected,
    };
  }
  const step = streamingStep(view.items);
  return {
    conversation: view.id,
    ready: view.phase === "live" || view.phase === "new",
    sending: view.pending.filter((each) => each.state === "sending").map((each) => each.id),
    failed: view.pending.filter((each) => each.state === "failed").map((each) => each.id),
    run: view.run && { id: view.run.id, status: view.run.status, code: view.run.code },
    answering: step !== null && step.text !== "",
    half: view.items.findLast((item) => item.kind === "step")?.incomplete != null,
    doubts: callsInDoubt(view.items).length,
    asked: callsToApprove(view.items).length,
    disconnected,
  };
}

export interface Announcement {
  key: Key;
  /** Code of a failure, to be put into words. */
  code?: string | null;
}

/**
 * What to say when one moment follows another; null: nothing. Only boundaries are spoken, never tokens, and nothing
 * is said of what was already there when a conversation is opened.
 */
export function announcement(before: Moment, after: Moment): Announcement | null {
  if (before.disconnected !== after.disconnected) {
    return { key: after.disconnected ? "say.disconnected" : "say.reconnected" };
  }
  const created = before.conversation === null && after.sending.length > 0;
  if (created) return null;
  if (before.conversation !== after.conversation || !before.ready || !after.ready) return null;
  if (after.doubts > before.doubts) return { key: "say.needs_you" };
  if (after.asked > before.asked) return { key: "say.asks_approval" };
  const ended = endOf(before, after);
  if (ended) return ended;
  if (after.run?.status === "recovering" && before.run?.status !== "recovering") {
    return { key: "say.recovering" };
  }
  if (after.answering && !before.answering) return { key: "say.answering" };
  const arrived = before.sending.some((id) => !after.sending.includes(id) && !after.failed.includes(id));
  return arrived ? { key: "say.sent" } : null;
}

function endOf(before: Moment, after: Moment): Announcement | null {
  const { run } = after;
  if (run === null || before.run?.id !== run.id) return null;
  if (!isActiveStatus(before.run.status) || isActiveStatus(run.status)) return null;
  if (run.status === "failed") return { key: "say.failed", code: run.code };
  if (run.status === "stopped") return { key: "say.stopped" };
  return { key: after.half ? "say.incomplete" : "say.finished" };
}
