import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HttpError, SyncRefusal } from "../sync";
import { App } from "./App";
import { asked, call, FakeClient, live, message, run, step } from "./gallery/fake";
import { ID, play } from "./gallery/scenes";
import { navigate } from "./route";

afterEach(cleanup);
beforeEach(() => {
  localStorage.clear();
  navigate(null, true);
});

function open(client: FakeClient, conversation: string | null = null, language: "en" | "zh" = "en") {
  navigate(conversation, true);
  return render(<App client={client} language={language} />);
}

const field = () => screen.getByTestId<HTMLTextAreaElement>("composer-input");

test("a first message makes a conversation with the chosen agent and goes there", () => {
  const client = new FakeClient();
  open(client);
  fireEvent.change(field(), { target: { value: "hello" } });
  fireEvent.keyDown(field(), { key: "Enter" });
  expect(client.calls.find((each) => each.method === "newConversation")?.args).toEqual(["demo", "hello"]);
  expect(window.location.pathname).toMatch(/^\/c\//);
  expect(screen.getByTestId("transcript")).toBeTruthy();
});

test("a suggestion is sent as it stands", () => {
  const client = new FakeClient();
  open(client, null, "zh");
  fireEvent.click(screen.getByText("查询城市时间"));
  expect(client.calls.find((each) => each.method === "newConversation")?.args[1]).toBe("东京现在几点？");
});

test("W5: what the outbox does not take stays where it was written", () => {
  const client = new FakeClient();
  client.conversation(ID).set(live(ID, []));
  open(client, ID);
  client.refusal = new SyncRefusal("outbox_full");
  fireEvent.change(field(), { target: { value: "keep me" } });
  fireEvent.keyDown(field(), { key: "Enter" });
  expect(field().value).toBe("keep me");
  expect(client.drafts.get(ID).text).toBe("keep me");
});

test("Escape stops a run, once, and not while a dialog is open", async () => {
  const client = new FakeClient();
  client.conversation(ID).set(live(ID, [message(1, "a")], { run: run("running") }));
  open(client, ID);
  const stops = () => client.calls.filter((each) => each.method === "stop").length;
  fireEvent.keyDown(document.body, { key: "?" });
  expect(await screen.findByTestId("help-dialog")).toBeTruthy();
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect(stops()).toBe(0);
  fireEvent.click(screen.getByText("Close"));
  fireEvent.keyDown(document.body, { key: "Escape" });
  fireEvent.keyDown(document.body, { key: "Escape" });
  expect(stops()).toBe(1);
  expect(screen.getByTestId("run-status").dataset.status).toBe("stopping");
});

test("Escape that ends a composition, or is pressed in a reason or the search, stops nothing", () => {
  const client = new FakeClient();
  const waiting = call("c1", "send", {}, { status: "awaiting_approval", approval: asked() });
  client
    .conversation(ID)
    .set(live(ID, [message(1, "a"), step(2, "", { calls: [waiting] })], { run: run("running") }));
  open(client, ID);
  const stops = () => client.calls.filter((each) => each.method === "stop").length;
  fireEvent.keyDown(field(), { key: "Escape", isComposing: true });
  // Safari: the composition is over when the key is told, with 229 as its code.
  fireEvent.compositionEnd(field());
  fireEvent.keyDown(field(), { key: "Escape", keyCode: 229 });
  fireEvent.click(screen.getByTestId("approval-refuse"));
  fireEvent.keyDown(screen.getByTestId("approval-note"), { key: "Escape" });
  fireEvent.keyDown(screen.getByTestId("search"), { key: "Escape" });
  expect(stops()).toBe(0);
  fireEvent.keyDown(field(), { key: "Escape" });
  expect(stops()).toBe(1);
});

test("the conversation is opened while it is shown and closed after", () => {
  const client = new FakeClient();
  client.conversation(ID).set(live(ID, []));
  open(client, ID);
  act(() => navigate(null));
  expect(client.calls.map((each) => each.method)).toEqual(["open", "close"]);
});

test("a conversation that the list does not have can be renamed and deleted all the same", async () => {
  const client = new FakeClient();
  client.conversation(ID).set(live(ID, [message(1, "a")]));
  open(client, ID);
  fireEvent.keyDown(screen.getByTestId("header-menu"), { key: "Enter" });
  fireEvent.click(await screen.findByText("Rename"));
  expect(screen.getByTestId<HTMLInputElement>("rename-input").value).toBe(
    "Tea, time and a little arithmetic",
  );
});

test("a conversation whose agent is switched off says so before anything is sent, and what is written goes along", () => {
  const client = new FakeClient();
  const view = live(ID, [message(1, "a")]);
  client.conversation(ID).set({ ...view, info: view.info && { ...view.info, agent: "retired" } });
  const { container } = open(client, ID);
  expect(screen.getByTestId("agent-gone").textContent).toContain("retired is switched off");
  fireEvent.change(field(), { target: { value: "half a thought" } });
  const assign = vi.spyOn(window.location, "assign").mockImplementation(() => {});
  fireEvent.click(screen.getByTestId("go-on-elsewhere"));
  expect(client.drafts.get(null).text).toBe("half a thought");
  expect(assign).toHaveBeenCalledWith("/");
  expect(container.querySelector("[data-testid=composer-input]")).not.toBeNull();
  assign.mockRestore();
});

test("the palette does what is chosen by its name, by keyboard alone", async () => {
  const client = new FakeClient();
  play(client, "full");
  open(client, ID);
  fireEvent.keyDown(document.body, { key: "k", ctrlKey: true });
  const input = await screen.findByTestId("palette-input");
  fireEvent.change(input, { target: { value: "quart" } });
  // The conversation, and that it may be looked for.
  expect(screen.getAllByTestId("palette-option")).toHaveLength(2);
  fireEvent.keyDown(input, { key: "Enter" });
  await waitFor(() => expect(window.location.pathname).toMatch(/^\/c\/.*1002$/));
  expect(screen.queryByTestId("palette")).toBeNull();
  fireEvent.keyDown(document.body, { key: "k", metaKey: true });
  const again = await screen.findByTestId("palette-input");
  const options = () => screen.getAllByTestId("palette-option");
  expect(options()[0]?.getAttribute("aria-selected")).toBe("true");
  fireEvent.keyDown(again, { key: "ArrowDown" });
  expect(options()[1]?.getAttribute("aria-selected")).toBe("true");
  expect(again.getAttribute("aria-activedescendant")).toBe(options()[1]?.id);
  fireEvent.keyDown(again, { key: "ArrowUp" });
  fireEvent.keyDown(again, { key: "ArrowUp" });
  expect(options().at(-1)?.getAttribute("aria-selected")).toBe("true");
  fireEvent.change(again, { target: { value: "keyboard" } });
  fireEvent.keyDown(again, { key: "Enter", keyCode: 229 });
  expect(screen.queryByTestId("help-dialog")).toBeNull();
  fireEvent.keyDown(again, { key: "Enter" });
  expect(await screen.findByTestId("help-dialog")).toBeTruthy();
});

test("the first key reaches a link past the list", () => {
  open(new FakeClient());
  const skip = screen.getByTestId("skip-link");
  expect(document.querySelector("button, a, input")).toBe(skip);
  fireEvent.click(skip);
  expect(document.activeElement).toBe(field());
});

test("what ended while one looked elsewhere is marked in the list and counted in the title", async () => {
  const client = new FakeClient();
  play(client, "full");
  open(client, ID);
  const row = () => document.querySelector<HTMLElement>('[data-testid=conversation-row][data-id$="1003"]');
  expect(row()?.dataset.unread).toBe("false");
  act(() =>
    client.list.update(({ conversations }) => ({
      conversations: conversations.map((each) =>
        each.id.endsWith("1003") ? { ...each, updated_at: client.now() + 5_000 } : each,
      ),
    })),
  );
  expect(row()?.dataset.unread).toBe("true");
  expect(row()?.textContent).toContain("something new");
  await waitFor(() => expect(document.title).toMatch(/^\(1\) /));
  fireEvent.click(row()?.querySelector("a") as HTMLElement);
  expect(row()?.dataset.unread).toBe("false");
});

test("a conversation is pinned and put away from its menu, and what went wrong is said", async () => {
  const client = new FakeClient();
  play(client, "full");
  open(client, ID);
  const choose = async (item: string) => {
    fireEvent.keyDown(screen.getByTestId("header-menu"), { key: "Enter" });
    fireEvent.click(await screen.findByTestId(item));
    await waitFor(() => expect(screen.queryByRole("menu")).toBeNull());
  };
  await choose("menu-pin");
  client.markProblem = new HttpError({ code: "offline", status: 0, detail: "", retry: true });
  await choose("menu-archive");
  expect(client.calls.filter(({ method }) => method === "mark").map(({ args }) => args)).toEqual([
    [[ID], { pinned: true }],
    [[ID], { archived: true }],
  ]);
  expect((await screen.findByRole("alert")).textContent).toBe("No connection. Nothing was changed.");
});

test("several conversations are put away or deleted at once; deleting asks first", async () => {
  const client = new FakeClient();
  play(client, "full");
  open(client, ID);
  fireEvent.click(screen.getByTestId("choose-several"));
  const boxes = () => screen.getAllByTestId("choose");
  expect(screen.getByTestId<HTMLButtonElement>("bulk-archive").disabled).toBe(true);
  fireEvent.click(boxes()[0] as HTMLElement);
  fireEvent.click(boxes()[2] as HTMLElement);
  expect(screen.getByTestId("list-foot").textContent).toContain("2 chosen");
  fireEvent.click(screen.getByTestId("bulk-delete"));
  expect(client.calls.some(({ method }) => method === "remove")).toBe(false);
  fireEvent.click(screen.getByTestId("bulk-delete-confirm"));
  expect(client.calls.filter(({ method }) => method === "remove")).toHaveLength(2);
  expect(window.location.pathname).toBe("/");
  expect(screen.queryAllByTestId("choose")).toHaveLength(0);
});

test("deleting asks first, and leaves the conversation that is gone", () => {
  const client = new FakeClient();
  play(client, "full");
  open(client, ID);
  fireEvent.keyDown(screen.getByTestId("header-menu"), { key: "Enter" });
  fireEvent.click(screen.getByText("Delete"));
  expect(client.calls.some((each) => each.method === "remove")).toBe(false);
  fireEvent.click(screen.getByTestId("delete-confirm"));
  expect(client.calls.find((each) => each.method === "remove")?.args).toEqual([ID]);
  expect(window.location.pathname).toBe("/");
});

test("the status region speaks at boundaries only", async () => {
  const client = new FakeClient();
  const asked = message(1, "a");
  client.conversation(ID).set(live(ID, [asked], { run: run("running") }));
  open(client, ID);
  const said = () => screen.getByTestId("announcer").textContent;
  const put = (text: string, status: "streaming" | "finished", of: "running" | "finished") =>
    act(() => client.conversation(ID).set(live(ID, [asked, step(2, text, { status })], { run: run(of) })));
  put("Once", "streaming", "running");
  await waitFor(() => expect(said()).toBe("Demo agent is answering"));
  put("Once upon", "streaming", "running");
  expect(said()).toBe("Demo agent is answering");
  put("Once upon a time.", "finished", "finished");
  await waitFor(() => expect(said()).toBe("Answer finished"));
});

test("the language can be changed, and is kept", async () => {
  const client = new FakeClient();
  open(client);
  fireEvent.keyDown(screen.getByTestId("account-menu"), { key: "Enter" });
  fireEvent.click(await screen.findByTestId("language-zh"));
  await waitFor(() => expect(screen.getByTestId("empty").textContent).toContain("有什么可以帮你"));
  expect(localStorage.getItem("hf.language")).toBe("zh");
  expect(document.documentElement.lang).toBe("zh-CN");
});

test("logging out is a POST with the token", () => {
  open(new FakeClient());
  const form = document.querySelector("form[action='/accounts/logout/']");
  expect(form?.getAttribute("method")).toBe("post");
  expect(form?.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value).toBe("token");
});

describe("axe finds nothing", () => {
  // Contrast needs a real browser: happy-dom computes no colours.
  const options = { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } };
  test.each(["empty", "full", "calls", "doubt", "waits", "attachments", "offline", "gone"])(
    "in the scene %s",
    async (scene) => {
      const client = new FakeClient();
      const { container } = open(client, play(client, scene));
      const { violations } = await axe.run(container, options);
      expect(violations.map((each) => [each.id, each.nodes[0]?.html])).toEqual([]);
    },
  );
});

function refused(reason: string, status: number, detail = ""): HttpError {
  return new HttpError({ code: "refused", status, detail, reason, retry: false });
}

test.each([
  [
    refused("bad_import", 422, "Event 3 cannot be read."),
    "no exported conversation",
    "Event 3 cannot be read.",
  ],
  [refused("too_large", 413), "at most", "50"],
  [
    new HttpError({ code: "refused", status: 413, detail: "", retry: false }),
    "too large for this server",
    "",
  ],
  [new HttpError({ code: "offline", status: 0, detail: "", retry: true }), "No connection", ""],
])("a file that is not taken in says why: %s", async (problem, text, more) => {
  const client = new FakeClient();
  client.copies.problem = problem;
  open(client);
  fireEvent.click(screen.getByTestId("import"));
  const field = await screen.findByTestId("import-file");
  fireEvent.change(field, { target: { files: [new File(["{}"], "c.json")] } });
  const said = await screen.findByTestId("import-problem");
  expect(said.textContent).toContain("c.json");
  expect(said.textContent).toContain(text);
  expect(said.textContent).toContain(more);
  client.copies.problem = null;
  fireEvent.change(field, { target: { files: [new File(["{}"], "d.json")] } });
  await waitFor(() => expect(window.location.pathname).toBe(`/c/${client.copies.begun.id}`));
  expect(screen.queryByTestId("import-dialog")).toBeNull();
});

test("what an imported conversation lacks is said before it is opened", async () => {
  const client = new FakeClient();
  client.copies.begun = { ...client.copies.begun, missing: ["photo.png"], closed: true };
  open(client);
  fireEvent.click(screen.getByTestId("import"));
  fireEvent.change(await screen.findByTestId("import-file"), {
    target: { files: [new File(["{}"], "c.json")] },
  });
  expect((await screen.findByTestId("import-missing")).textContent).toBe("photo.png");
  expect(screen.getByTestId("import-state").textContent).toContain("still going on");
  fireEvent.click(screen.getByTestId("import-open"));
  await waitFor(() => expect(window.location.pathname).toBe(`/c/${client.copies.begun.id}`));
});
