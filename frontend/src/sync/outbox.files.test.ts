// Messages whose files are still on their way up (rule W5).
import { describe, expect, test } from "vitest";
import { Outbox } from "./outbox";
import { type Kept, Shelf } from "./shelf";
import { FakeBrowser } from "./testing/world";

describe("messages with files", () => {
  const FILE = { id: "f1", name: "photo.png", media_type: "image/png", size: 3 };

  function desk(shelf: Shelf, uploads: Record<string, "waiting" | "done" | "failed">) {
    let n = 0;
    const now = () => 1_000_000;
    return new Outbox(
      shelf,
      now,
      () => 0,
      () => `new-${n++}`,
      (id) => uploads[id],
    );
  }

  const said = (text: string): Kept => ({
    id: "c1",
    conversation: "conversation",
    body: { kind: "send", message: "m1", text, attachments: ["f1"] },
    at: 0,
    failed: null,
    files: [FILE],
    held: ["f1"],
  });

  test("W5 a message goes out when its file has arrived, and later ones wait for it", () => {
    const uploads: Record<string, "waiting" | "done"> = { f1: "waiting" };
    const outbox = desk(new Shelf(new FakeBrowser().storage(), "u"), uploads);
    outbox.up();
    const later: Kept = { ...said(""), id: "c2", body: { kind: "send", message: "m2", text: "x" }, held: [] };
    expect(outbox.add([said("look"), later])).toEqual([]);
    expect(outbox.messages("conversation")[0]).toMatchObject({ state: "uploading", attachments: [FILE] });
    uploads.f1 = "done";
    expect(outbox.uploaded("f1").map(({ id }) => id)).toEqual(["c1"]);
    expect(outbox.messages("conversation")[0]?.state).toBe("sending");
  });

  test("what had not arrived before a reload is said to be lost; the text can be sent without it", () => {
    const shelf = new Shelf(new FakeBrowser().storage(), "u");
    desk(shelf, { f1: "waiting" }).add([said("look")]);
    const reloaded = desk(shelf, {});
    expect(reloaded.up()).toEqual([]);
    expect(reloaded.messages("conversation")[0]).toMatchObject({ state: "failed", code: "attachment_lost" });
    const [command] = reloaded.retry("conversation", "m1");
    expect(command?.body).toEqual({ kind: "send", message: "m1", text: "look", attachments: [] });
    expect(command?.id).not.toBe("c1");
    expect(shelf.ids()).toEqual([command?.id]);
  });

  test("a file that had arrived survives the reload", () => {
    const shelf = new Shelf(new FakeBrowser().storage(), "u");
    const first = desk(shelf, { f1: "done" });
    first.add([said("")]);
    first.uploaded("f1");
    const [command] = desk(shelf, {}).up();
    expect(command?.body).toMatchObject({ attachments: ["f1"] });
  });

  test("a refused file fails its message, which does not hold up others, and can be discarded", () => {
    const outbox = desk(new Shelf(new FakeBrowser().storage(), "u"), { f1: "failed" });
    outbox.up();
    const later: Kept = { ...said(""), id: "c2", body: { kind: "send", message: "m2", text: "x" }, held: [] };
    expect(outbox.add([said(""), later]).map(({ id }) => id)).toEqual(["c2"]);
    expect(outbox.messages("conversation")[0]?.code).toBe("attachment_refused");
    outbox.discard("conversation", "m1");
    expect(outbox.messages("conversation").map(({ id }) => id)).toEqual(["m2"]);
  });

  test("a change of a message waits for its files, too, and who makes it hears at once that one was refused", () => {
    const uploads: Record<string, "waiting" | "done" | "failed"> = { f1: "waiting" };
    const outbox = desk(new Shelf(new FakeBrowser().storage(), "u"), uploads);
    outbox.up();
    const change: Kept = {
      ...said(""),
      body: { kind: "edit", message: "m1", text: "x", attachments: ["f1"] },
    };
    const heard: unknown[] = [];
    expect(outbox.add([change], (outcome) => heard.push(outcome))).toEqual([]);
    uploads.f1 = "done";
    expect(outbox.uploaded("f1").map(({ body }) => body.kind)).toEqual(["edit"]);
    uploads.f1 = "failed";
    outbox.add([{ ...change, id: "c2" }], (outcome) => heard.push(outcome));
    outbox.result({
      type: "result",
      id: "c1",
      conversation: "conversation",
      status: "applied",
      code: null,
      cursor: null,
      retry: false,
    });
    expect(heard).toEqual([{ status: "applied" }, { status: "rejected", code: "attachment_refused" }]);
  });
});
