import { fireEvent, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { StepItem } from "../../sync";
import { FakeClient, message, notice, step } from "../gallery/fake";
import { show } from "../testing";
import { MessageRow, PendingRow } from "./MessageRow";
import { NoticeRow } from "./QuietRows";
import { StepRow } from "./StepRow";

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

  test("pictures open large, and in a new tab where that is asked for; other files are named", () => {
    show(<MessageRow conversation="c" item={message(1, "", { attachments: files })} waits={false} />);
    const picture = screen.getByLabelText<HTMLAnchorElement>("Show photo.png large");
    expect(picture.getAttribute("href")).toBe("/api/attachments/f1");
    expect(picture.target).toBe("_blank");
    expect(picture.querySelector("img")?.alt).toBe("photo.png");
    expect(screen.getByLabelText("Download notes.md").textContent).toBe("notes.md12 B");
    fireEvent.click(picture);
    expect(screen.getByTestId("lightbox").querySelector("img")?.getAttribute("src")).toBe(
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
