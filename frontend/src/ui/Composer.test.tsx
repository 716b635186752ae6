import { act, fireEvent, screen } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { SyncRefusal } from "../sync";
import { Composer } from "./Composer";
import { FakeClient } from "./gallery/fake";
import { show } from "./testing";

const onSend = vi.fn<(text: string, files: readonly string[]) => void>();
const onStop = vi.fn();
const onDraft = vi.fn();

function composer(more: Partial<React.ComponentProps<typeof Composer>> = {}) {
  return (
    <Composer
      onSend={onSend}
      onStop={onStop}
      running={false}
      stopping={false}
      placeholder="Message"
      limit={100}
      draft={{ text: "", files: [] }}
      onDraft={onDraft}
      {...more}
    />
  );
}

const field = () => screen.getByTestId<HTMLTextAreaElement>("composer-input");
const write = (text: string) => fireEvent.change(field(), { target: { value: text } });
const enter = (init = {}) => fireEvent.keyDown(field(), { key: "Enter", ...init });

beforeEach(() => {
  onSend.mockReset();
  onStop.mockReset();
  onDraft.mockReset();
});

describe("sending", () => {
  test("Enter sends the trimmed text and clears the field", () => {
    show(composer());
    write("  hello ");
    enter();
    expect(onSend).toHaveBeenCalledWith("hello", []);
    expect(field().value).toBe("");
    expect(onDraft).toHaveBeenLastCalledWith({ text: "", files: [] });
  });

  test("Shift and Enter is a new line", () => {
    show(composer());
    write("hello");
    expect(enter({ shiftKey: true })).toBe(true);
    expect(onSend).not.toHaveBeenCalled();
  });

  test("Enter that chooses a candidate of an input method does not send", () => {
    show(composer());
    write("nihao");
    enter({ isComposing: true });
    enter({ keyCode: 229 });
    expect(onSend).not.toHaveBeenCalled();
    write("你好");
    enter();
    expect(onSend).toHaveBeenCalledExactlyOnceWith("你好", []);
  });

  test("nothing and white space are not sent", () => {
    show(composer());
    enter();
    write(" \n ");
    enter();
    expect(onSend).not.toHaveBeenCalled();
    expect(screen.getByTestId<HTMLButtonElement>("send").disabled).toBe(true);
  });
});

describe("long texts", () => {
  const paste = (text: string) =>
    fireEvent.paste(field(), {
      clipboardData: { types: ["text/plain"], files: [], getData: () => text },
    });
  const attached = (client: FakeClient) =>
    client.calls.filter(({ method }) => method === "attach").map(({ args }) => args[0] as File);

  test("a long paste becomes a file, a short one stays text", async () => {
    const client = new FakeClient();
    show(composer({ limit: 32_000 }), client);
    expect(paste("short")).toBe(true);
    expect(attached(client)).toEqual([]);
    expect(paste("line\n".repeat(3_000))).toBe(false);
    expect(attached(client).map(({ name }) => name)).toEqual(["Pasted text.txt"]);
    expect(await attached(client)[0]?.text()).toBe("line\n".repeat(3_000));
    paste("more ".repeat(3_000));
    expect(attached(client)[1]?.name).toBe("Pasted text 2.txt");
    expect(field().value).toBe("");
  });

  test("a paste that would make the message too long becomes one, too", () => {
    const client = new FakeClient();
    show(composer(), client);
    write("a".repeat(90));
    expect(paste("b".repeat(20))).toBe(false);
    expect(attached(client)).toHaveLength(1);
    expect(field().value).toBe("a".repeat(90));
  });

  test("what was typed too long can be attached instead, and is in the draft no more", () => {
    const client = new FakeClient();
    show(composer(), client);
    write("a".repeat(103));
    fireEvent.click(screen.getByTestId("attach-text"));
    expect(attached(client)).toHaveLength(1);
    expect(field().value).toBe("");
    expect(onDraft.mock.lastCall?.[0].text).toBe("");
    expect(onDraft.mock.lastCall?.[0].files).toHaveLength(1);
    expect(document.activeElement).toBe(field());
  });
});

test("what the outbox refuses stays in the field, with a reason", () => {
  show(composer());
  onSend.mockImplementationOnce(() => {
    throw new SyncRefusal("outbox_full");
  });
  write("keep me");
  enter();
  expect(field().value).toBe("keep me");
  expect(screen.getByRole("alert").textContent).toContain("Too many messages");
  enter();
  expect(field().value).toBe("");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("the count is shown near the limit, counts characters as people do, and stops what is too long", () => {
  show(composer());
  write("a".repeat(80));
  expect(screen.queryByTestId("composer-count")).toBeNull();
  write("😀".repeat(95));
  expect(screen.getByTestId("composer-count").textContent).toBe("5 characters left");
  write("a".repeat(103));
  expect(screen.getByTestId("composer-count").textContent).toBe("Too long by 3");
  enter();
  expect(onSend).not.toHaveBeenCalled();
});

test("while a run is active there is a stop button, and one can still write", () => {
  const shown = show(composer({ running: true }));
  fireEvent.click(screen.getByTestId("stop"));
  expect(onStop).toHaveBeenCalledOnce();
  write("one more thing");
  enter();
  expect(onSend).toHaveBeenCalledWith("one more thing", []);
  shown.again(composer({ running: true, stopping: true }));
  expect(screen.getByTestId<HTMLButtonElement>("stop").disabled).toBe(true);
});

test("a draft comes back", () => {
  show(composer({ draft: { text: "unfinished", files: [] } }));
  expect(field().value).toBe("unfinished");
});

describe("files", () => {
  const file = (name = "photo.png", type = "image/png") => new File(["abc"], name, { type });
  const choose = (...files: File[]) =>
    fireEvent.change(screen.getByTestId("file-input"), { target: { files } });

  test("a chosen file goes up, and a message of files alone can be sent", () => {
    const { client } = show(composer());
    choose(file());
    expect(client.calls[0]?.method).toBe("attach");
    expect(screen.getByTestId("composer-file").textContent).toContain("photo.png");
    expect(screen.getByTestId("composer-file").textContent).toContain("40 % uploaded");
    enter();
    expect(onSend).toHaveBeenCalledWith("", ["file-1"]);
    expect(screen.queryByTestId("composer-file")).toBeNull();
  });

  test("pasted and dropped files are taken, pasted text stays text", () => {
    show(composer());
    fireEvent.paste(field(), { clipboardData: { types: ["Files"], files: [file()] } });
    fireEvent.paste(field(), { clipboardData: { types: ["text/plain", "Files"], files: [file()] } });
    fireEvent.drop(screen.getByTestId("composer"), {
      dataTransfer: { types: ["Files"], files: [file("b.txt", "")] },
    });
    expect(screen.getAllByTestId("composer-file").map((chip) => chip.dataset.id)).toEqual([
      "file-1",
      "file-2",
    ]);
  });

  test("a file dropped beside the composer is for the message, and never makes the browser leave the page", () => {
    const { client } = show(composer());
    const dataTransfer = { types: ["Files"], files: [file()] };
    expect(fireEvent.dragOver(document.body, { dataTransfer })).toBe(false);
    expect(screen.getByTestId("composer").textContent).toContain("Drop");
    expect(fireEvent.drop(document.body, { dataTransfer })).toBe(false);
    expect(client.calls.map(({ method }) => method)).toEqual(["attach"]);
    // Text that is dragged is the browser's business.
    expect(fireEvent.drop(document.body, { dataTransfer: { types: ["text/plain"], files: [] } })).toBe(true);
  });

  test("a composer that is switched off takes no file, and the page stays", () => {
    const { client } = show(composer({ disabled: true }));
    expect(fireEvent.drop(document.body, { dataTransfer: { types: ["Files"], files: [file()] } })).toBe(
      false,
    );
    expect(client.calls).toEqual([]);
  });

  test("a file that cannot be attached says why, in the reader's language, and must be removed first", () => {
    const { client } = show(composer(), undefined, "zh");
    choose(file("film.mov"));
    const [upload] = client.uploads.getSnapshot();
    if (upload === undefined) throw new Error("no upload");
    act(() => client.uploads.set([{ ...upload, state: "failed", code: "not_text" }]));
    expect(screen.getByRole("alert").textContent).toContain("只能添加图片");
    enter();
    expect(onSend).not.toHaveBeenCalled();
    fireEvent.click(screen.getByLabelText("移除 film.mov"));
    expect(client.calls.at(-1)?.method).toBe("detach");
    write("hello");
    enter();
    expect(onSend).toHaveBeenCalledWith("hello", []);
  });

  test("a message carries five files at most", () => {
    show(composer());
    choose(...Array.from({ length: 6 }, (_, n) => file(`${n}.png`)));
    expect(screen.getAllByTestId("composer-file")).toHaveLength(5);
    expect(screen.getByRole("alert").textContent).toContain("5 files");
  });
});
