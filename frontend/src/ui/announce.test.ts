import { describe, expect, test } from "vitest";
import type { ConversationView } from "../sync";
import { announcement, momentOf } from "./announce";
import { call, emptyView, live, message, run, step } from "./gallery/fake";

const ID = "c";
const asked = message(1, "hello");
const said = (before: ConversationView, after: ConversationView) =>
  announcement(momentOf(before, false), momentOf(after, false))?.key ?? null;
const streaming = (text: string) =>
  live(ID, [asked, step(2, text, { status: "streaming" })], { run: run("running") });
const pending = { id: "m1", text: "hello", at: 0, state: "sending" as const, code: null };

describe("a screen reader is told of boundaries only", () => {
  test("a message has been stored", () => {
    expect(said(live(ID, [], { pending: [pending] }), live(ID, [asked]))).toBe("say.sent");
  });

  test("a message that failed is not reported as sent", () => {
    const failed = live(ID, [], { pending: [{ ...pending, state: "failed", code: "unavailable" }] });
    expect(said(live(ID, [], { pending: [pending] }), failed)).toBeNull();
  });

  test("an answer begins, and its tokens are silent", () => {
    expect(said(streaming(""), streaming("Once"))).toBe("say.answering");
    expect(said(streaming("Once"), streaming("Once upon a time"))).toBeNull();
  });

  test("a tool needs a decision", () => {
    const doubt = step(2, "", { calls: [call("c", "notes", {}, { status: "in_doubt" })] });
    expect(said(streaming("Once"), live(ID, [asked, doubt], { run: run("waiting") }))).toBe("say.needs_you");
  });

  test("a run ends: finished, failed with its code, stopped", () => {
    expect(said(streaming("Once"), live(ID, [asked], { run: run("finished") }))).toBe("say.finished");
    const half = step(2, "Once", { incomplete: "length" });
    expect(said(streaming("Once"), live(ID, [asked, half], { run: run("finished") }))).toBe("say.incomplete");
    expect(said(streaming("Once"), live(ID, [asked], { run: run("stopped") }))).toBe("say.stopped");
    const failed = live(ID, [asked], { run: run("failed", { code: "model_auth" }) });
    expect(announcement(momentOf(streaming("a"), false), momentOf(failed, false))).toEqual({
      key: "say.failed",
      code: "model_auth",
    });
  });

  test("W8: a tool asks for permission", () => {
    const approval = { digest: "d", asked_at: 1, decision: null, by: "", note: "", decided_at: null };
    const asks = step(2, "", { calls: [call("c", "notes", {}, { status: "awaiting_approval", approval })] });
    const waiting = live(ID, [asked, asks], { run: run("waiting") });
    expect(said(streaming("Once"), waiting)).toBe("say.asks_approval");
    expect(said(waiting, waiting)).toBeNull();
  });

  test("a worker is lost", () => {
    expect(said(streaming("a"), live(ID, [asked], { run: run("recovering") }))).toBe("say.recovering");
  });

  test("the link is lost and comes back", () => {
    const view = live(ID, [asked]);
    expect(announcement(momentOf(view, false), momentOf(view, true))?.key).toBe("say.disconnected");
    expect(announcement(momentOf(view, true), momentOf(view, false))?.key).toBe("say.reconnected");
  });
});

test("opening a conversation says nothing of what was there before", () => {
  expect(said(emptyView(ID), streaming("Once"))).toBeNull();
  expect(said(streaming("Once"), live("other", [asked], { run: run("finished") }))).toBeNull();
  expect(announcement(momentOf(null, false), momentOf(streaming("Once"), false))).toBeNull();
});
