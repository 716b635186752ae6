import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import type { StepItem } from "../../sync";
import { call, done, FakeClient, message, notice, step } from "../gallery/fake";
import { show } from "../testing";
import { MessageRow, PendingRow } from "./MessageRow";
import { NoticeRow } from "./QuietRows";
import { StepRow } from "./StepRow";
import { TryAgain } from "./TryAgain";
import { Ways } from "./Ways";

const pending = (state: "sending" | "stored" | "failed") => ({
  id: "p",
  text: "hello",
  at: 0,
  state,
  code: state === "failed" ? ("too_many_waiting" as const) : null,
});

test("a pending message says where it is, and a failed one why, with retry and discard", () => {
  const client = new FakeClient();
  const shown = show(<PendingRow conversation="c" message={pending("sending")} />, client);
  expect(screen.getByTestId("message").dataset.status).toBe("sending");
  expect(screen.getByTestId("message").textContent).toContain("Sending");
  shown.again(<PendingRow conversation="c" message={pending("failed")} />);
  expect(screen.getByTestId("message").textContent).toContain("Too many messages are waiting");
  fireEvent.click(screen.getByTestId("message-retry"));
  fireEvent.click(screen.getByTestId("message-discard"));
  expect(client.calls.map((each) => each.method)).toEqual(["retry", "discard"]);
});

test("a message that waits says so, and one from elsewhere says from where", () => {
  const shown = show(<MessageRow conversation="c" item={message(3, "a")} waits />);
  expect(screen.getByTestId("message").dataset.waits).toBe("true");
  expect(screen.getByTestId("message").textContent).toContain("Waits for its turn");
  const foreign = message(3, "a", { origin: { entrance: "feishu", name: "Li Lei" } });
  shown.again(<MessageRow conversation="c" item={foreign} waits={false} />);
  expect(screen.getByTestId("message").textContent).toContain("from Feishu (Li Lei)");
  const added = message(3, "a", { origin: { entrance: "pager", name: "night shift" } });
  shown.again(<MessageRow conversation="c" item={added} waits={false} />);
  expect(screen.getByTestId("message").textContent).toContain("from a pager (night shift)");
  const gone = message(3, "a", { origin: { entrance: "fax", name: "" } });
  shown.again(<MessageRow conversation="c" item={gone} waits={false} />);
  expect(screen.getByTestId("message").textContent).toContain("from fax");
});

test("a message that waits can be changed, with its files, and taken back to where one writes", async () => {
  const client = new FakeClient();
  const attachments = [{ id: "f1", name: "photo.png", media_type: "image/png", size: 9 }];
  const item = message(3, "seocnd", { attachments });
  const taken = vi.fn();
  const shown = show(<MessageRow conversation="c" item={item} waits onTakenBack={taken} />, client);
  fireEvent.click(screen.getByTestId("message-edit"));
  const field = screen.getByTestId("edit-input");
  expect((field as HTMLTextAreaElement).value).toBe("seocnd");
  fireEvent.change(field, { target: { value: "second" } });
  fireEvent.keyDown(field, { key: "Escape" });
  expect(screen.queryByTestId("edit-box")).toBeNull();
  fireEvent.click(screen.getByTestId("message-edit"));
  fireEvent.change(screen.getByTestId("edit-input"), { target: { value: "second" } });
  client.outcome = { status: "rejected", code: "run_active" };
  fireEvent.click(screen.getByTestId("edit-send"));
  expect((await screen.findByRole("alert")).textContent).toContain("Stop it first");
  expect((screen.getByTestId("edit-input") as HTMLTextAreaElement).value).toBe("second");
  client.outcome = { status: "applied" };
  fireEvent.click(screen.getByTestId("edit-send"));
  await waitFor(() => expect(screen.queryByTestId("edit-box")).toBeNull());
  expect(client.calls.filter(({ method }) => method === "edit").at(-1)?.args).toEqual([
    "c",
    "m3",
    "second",
    ["f1"],
  ]);
  fireEvent.click(screen.getByTestId("message-withdraw"));
  await waitFor(() => expect(taken).toHaveBeenCalledWith(item));
  const edited = { at: 1, by: "alice", text: "seocnd" };
  shown.again(<MessageRow conversation="c" item={message(3, "second", { edited })} waits={false} />);
  expect(screen.getByTestId("message-edited").title).toContain("seocnd");
});

describe("branches", () => {
  const fork = { before: 3, ways: ["", "b", "c"], at: 1 };

  test("‹ 2/3 › names where it is, goes both ways by mouse and by arrow keys, and says what was refused", async () => {
    const client = new FakeClient();
    show(<Ways conversation="c" fork={fork} />, client, "zh");
    expect(screen.getByTestId("ways").getAttribute("aria-label")).toBe("第 2 个版本，共 3 个");
    fireEvent.click(screen.getByTestId("ways-next"));
    fireEvent.keyDown(screen.getByTestId("ways-next"), { key: "ArrowLeft" });
    expect(client.calls.map(({ args }) => args)).toEqual([
      ["c", "c"],
      ["c", ""],
    ]);
    client.outcome = { status: "rejected", code: "unknown_branch" };
    fireEvent.click(screen.getByTestId("ways-previous"));
    expect((await screen.findByRole("alert")).textContent).toContain("没有这个分支");
  });

  test("what an answer has changed is said before another one is asked for, and only then", async () => {
    const client = new FakeClient();
    const changed = call("c1", "save_note", {}, { ...done("ok"), effect: "effectful" });
    const looked = call("c2", "current_time", {}, done("ok"));
    const items = [
      message(2, "q"),
      step(3, "", { calls: [looked, changed] }),
      step(4, "Noted."),
      message(5, "next"),
      step(6, "", { calls: [looked] }),
      notice(7, "model_error"),
    ];
    client.conversation("c").update(() => ({ items }));
    const shown = show(<TryAgain conversation="c" item="r.4" agent="demo" />, client);
    fireEvent.click(screen.getByTestId("try-again"));
    expect(screen.getByTestId("again-effects").textContent).toContain("ave note");
    expect(client.calls).toEqual([]);
    fireEvent.click(screen.getByTestId("again-confirm"));
    await waitFor(() => expect(client.calls).toEqual([{ method: "tryAgain", args: ["c", "r.4"] }]));
    shown.again(<TryAgain conversation="c" item="notice-7" agent="demo" />);
    await waitFor(() => expect(screen.getByTestId("try-again").hasAttribute("disabled")).toBe(false));
    client.outcome = { status: "rejected", code: "run_active" };
    fireEvent.click(screen.getByTestId("try-again"));
    expect((await screen.findByRole("alert")).textContent).toContain("Stop it first");
  });

  test("a message that was read is said anew and answered, or only corrected", async () => {
    const client = new FakeClient();
    show(<MessageRow conversation="c" item={message(3, "teh")} waits={false} again fork={fork} />, client);
    expect(screen.getByTestId("ways").dataset.of).toBe("3");
    fireEvent.click(screen.getByTestId("message-edit"));
    fireEvent.change(screen.getByTestId("edit-input"), { target: { value: "the" } });
    fireEvent.click(screen.getByTestId("edit-send"));
    await waitFor(() => expect(screen.queryByTestId("edit-box")).toBeNull());
    fireEvent.click(screen.getByTestId("message-edit"));
    fireEvent.change(screen.getByTestId("edit-input"), { target: { value: "the" } });
    fireEvent.click(screen.getByTestId("edit-save"));
    await waitFor(() => expect(screen.queryByTestId("edit-box")).toBeNull());
    const done = client.calls.filter(({ method }) => method !== "restore");
    expect(done).toEqual([
      { method: "rewrite", args: ["c", "m3", "the", []] },
      { method: "edit", args: ["c", "m3", "the", []] },
    ]);
  });
});

test("what the provider refused says so, in the provider's words, and can be sent again", async () => {
  const client = new FakeClient();
  const left_out = {
    reason: "content_filter" as const,
    detail: "Content Exists Risk",
    files: [],
    model: "m",
    at: 0,
  };
  const shown = show(
    <MessageRow conversation="c" item={message(3, "a", { left_out })} waits={false} />,
    client,
  );
  expect(screen.getByTestId("left-out").textContent).toContain("content filter");
  expect(screen.getByTestId("left-out").textContent).toContain("Content Exists Risk");
  fireEvent.click(screen.getByTestId("take-back"));
  expect(client.calls).toEqual([{ method: "takeBack", args: ["c", message(3, "a").id] }]);
  shown.again(<MessageRow conversation="c" item={message(3, "a", { left_out: null })} waits={false} />);
  expect(screen.queryByTestId("left-out")).toBeNull();
});

test("of a message of which only a picture was refused the picture is named, in the reader's language", () => {
  const attachments = [
    { id: "f1", name: "photo.png", media_type: "image/png", size: 9 },
    { id: "f2", name: "other.png", media_type: "image/png", size: 9 },
  ];
  const left_out = { reason: "image" as const, detail: "", files: ["f1"], model: "m", at: 0 };
  const item = message(3, "a", { attachments, left_out });
  show(<MessageRow conversation="c" item={item} waits={false} />, new FakeClient(), "zh");
  expect(screen.getByTestId("left-out").textContent).toContain("photo.png");
  expect(screen.getByTestId("left-out").textContent).not.toContain("other.png");
  expect(screen.getByTestId("left-out").textContent).toContain("无法读取");
});

test("text of a person is text, never markup", () => {
  show(<MessageRow conversation="c" item={message(3, "<b>x</b> **y**")} waits={false} />);
  expect(screen.getByTestId("message").textContent).toContain("<b>x</b> **y**");
});

test("a notice speaks the reader's language", () => {
  show(<NoticeRow conversation="c" item={notice(3, "limit_steps")} />, new FakeClient(), "zh");
  expect(screen.getByTestId("notice").textContent).toContain("步骤上限");
});

test("who stopped is named only when it was somebody else", () => {
  const shown = show(<NoticeRow conversation="c" item={notice(3, "stopped", "mei")} />);
  expect(screen.getByTestId("notice").textContent).toBe("Stopped");
  shown.again(<NoticeRow conversation="c" item={notice(3, "stopped", "li")} />);
  expect(screen.getByTestId("notice").textContent).toBe("Stopped by li");
});

test("a step that survived a restart carries a mark that explains itself", () => {
  show(
    <StepRow
      conversation="c"
      agent="demo"
      item={step(2, "", { survived: true })}
      opens
      closes
      goesOn={false}
    />,
  );
  expect(screen.getByTestId("step").dataset.survived).toBe("true");
  expect(screen.getByRole("button", { name: /Survived a restart.*Another one took over/ })).toBeTruthy();
});

describe("R14: an answer that is not whole", () => {
  const half = step(2, "Once upon a", { incomplete: "length" });
  const row = (item = half, goesOn = true) => (
    <StepRow conversation="c" agent="demo" item={item} opens closes goesOn={goesOn} />
  );

  test("says why, and asks the agent to go on at a click, in the reader's language", () => {
    const client = new FakeClient();
    show(row(), client, "zh");
    expect(screen.getByTestId("incomplete").textContent).toContain("词元上限");
    fireEvent.click(screen.getByTestId("continue"));
    expect(client.calls).toEqual([{ method: "send", args: ["c", "请从刚才中断的地方继续。"] }]);
  });

  test("keeps its mark when others have spoken since, without the button", () => {
    show(row(half, false));
    expect(screen.getByTestId("incomplete").textContent).toContain("cut off");
    expect(screen.queryByTestId("continue")).toBeNull();
  });

  test("each reason has a text of its own, one of a later release the general one", () => {
    const shown = show(row());
    const texts = (
      ["length", "length_before_answer", "content_filter", "interrupted", "thinking_only"] as const
    ).map((incomplete) => {
      shown.again(row(step(2, "", { incomplete })));
      return screen.getByTestId("incomplete").textContent;
    });
    expect(new Set(texts).size).toBe(5);
    shown.again(row(step(2, "", { incomplete: "moon_phase" as "other" })));
    expect(screen.getByTestId("incomplete").textContent).toContain("a reason of its own");
  });
});

describe("files of a message", () => {
  const files = [
    { id: "f1", name: "photo.png", media_type: "image/png", size: 48_200 },
    { id: "f2", name: "notes.md", media_type: "text/markdown", size: 12 },
  ];

  test("pictures open large, and in a new tab where that is asked for; other files are named", async () => {
    show(<MessageRow conversation="c" item={message(1, "", { attachments: files })} waits={false} />);
    const picture = screen.getByLabelText<HTMLAnchorElement>("Show photo.png large");
    expect(picture.getAttribute("href")).toBe("/api/attachments/f1");
    expect(picture.target).toBe("_blank");
    expect(picture.querySelector("img")?.alt).toBe("photo.png");
    expect(screen.getByLabelText("Download notes.md").textContent).toBe("notes.md12 B");
    fireEvent.click(picture);
    expect((await screen.findByTestId("lightbox")).querySelector("img")?.getAttribute("src")).toBe(
      "/api/attachments/f1",
    );
    fireEvent.click(screen.getByTestId("lightbox-close"));
    expect(screen.queryByTestId("lightbox")).toBeNull();
  });

  test("what was lost by a reload can be sent without it only if something is left", () => {
    const lost = {
      id: "p",
      at: 0,
      state: "failed",
      code: "attachment_lost",
      attachments: files.slice(1),
    } as const;
    const shown = show(<PendingRow conversation="c" message={{ ...lost, text: "look" }} />);
    expect(screen.getByTestId("message-retry").textContent).toContain("Send without");
    expect(screen.getByTestId("message").textContent).toContain("Attach it again");
    shown.again(<PendingRow conversation="c" message={{ ...lost, text: "" }} />);
    expect(screen.queryByTestId("message-retry")).toBeNull();
  });
});

describe("what the model thought", () => {
  const row = (item: StepItem) => (
    <StepRow conversation="c" agent={undefined} item={item} opens closes goesOn={false} />
  );

  test("is folded, and a button of its own opens it", () => {
    show(row(step(2, "Rome.", { reasoning: "Because of 753." })));
    const toggle = screen.getByTestId("thinking-toggle");
    expect(toggle.getAttribute("aria-expanded")).toBe("false");
    expect(toggle.textContent).toBe("Thought about it");
    expect(screen.queryByTestId("thinking-text")).toBeNull();
    fireEvent.click(toggle);
    expect(toggle.getAttribute("aria-expanded")).toBe("true");
    expect(document.getElementById(toggle.getAttribute("aria-controls") ?? "")?.textContent).toContain("753");
    expect(screen.getByTestId("step-text").textContent).not.toContain("753");
  });

  test("says while it streams that the model thinks, in the reader's language, and stays open", () => {
    const thinks = { status: "streaming", ended_at: null } as const;
    const shown = show(row(step(2, "", { ...thinks, reasoning: "Hm" })), new FakeClient(), "zh");
    expect(screen.getByTestId("thinking-toggle").textContent).toBe("正在思考…");
    fireEvent.click(screen.getByTestId("thinking-toggle"));
    shown.again(row(step(2, "罗马", { ...thinks, reasoning: "Hm, yes" })));
    expect(screen.getByTestId("thinking-toggle").textContent).toBe("思考过程");
    expect(screen.getByTestId("thinking-text").textContent).toContain("Hm, yes");
  });

  test("is not there where nothing is known of it", () => {
    const { reasoning: _, ...old } = step(2, "Rome.");
    show(row(old as StepItem));
    expect(screen.queryByTestId("thinking")).toBeNull();
  });
});

test("a run that ended because its agent is switched off says so, and leads to another one", () => {
  show(<NoticeRow conversation="c" item={notice(3, "agent_missing")} />);
  expect(screen.getByTestId("notice").textContent).toContain("switched off or was deleted");
  expect(screen.getByTestId("go-on-elsewhere")).toBeTruthy();
});
