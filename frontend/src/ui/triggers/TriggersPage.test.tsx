import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { beforeEach, expect, test } from "vitest";
import { HttpError } from "../../sync";
import { FakeClient } from "../gallery/fake";
import { triggerEntry, triggerFiring } from "../gallery/triggers";
import { openPage, usePage } from "../route";
import { show } from "../testing";
import { draftOf, emptyFields, fieldsOf } from "./fields";
import TriggersPage from "./TriggersPage";

beforeEach(() => {
  sessionStorage.clear();
  openPage("triggers", null, { replace: true });
});

function Shown() {
  const page = usePage();
  return page && <TriggersPage page={page} />;
}

async function open(client = new FakeClient(), language: "en" | "zh" = "en") {
  const shown = show(<Shown />, client, language);
  await act(async () => {});
  return { ...shown, fake: client.triggers };
}

const type = (hook: string, value: string) =>
  fireEvent.change(screen.getByTestId(hook), { target: { value } });

test("a webhook is made once, and its secret address is shown then and covered later", async () => {
  const { fake } = await open();
  fireEvent.click(screen.getByTestId("trigger-new"));
  type("trigger-name", "Builds");
  type("trigger-sender", "github");
  type("trigger-secret", "s3cret");
  type("trigger-prompt", "Look at {{ payload.id }}.");
  expect(JSON.stringify(sessionStorage)).not.toContain("s3cret");
  fireEvent.click(screen.getByTestId("trigger-save"));
  fireEvent.click(screen.getByTestId("trigger-save"));
  await waitFor(() => expect(screen.getByTestId("trigger-address").textContent).toMatch(/secret-0$/));
  const made = fake.calls.filter((call) => call.method === "create");
  expect(made).toHaveLength(1);
  expect(made[0]?.args[1]).toMatchObject({ kind: "webhook", sender: "github", secret: "s3cret" });
  const id = fake.entries[0]?.id as string;
  expect(window.location.pathname).toBe(`/triggers/${id}`);
  // Somebody who comes later has to ask for it.
  act(() => openPage("triggers", id, { edit: true }));
  act(() => openPage("triggers", id));
});

test("the address is covered until it is asked for, and replaced only after a question", async () => {
  const client = new FakeClient();
  client.triggers.entries = [triggerEntry()];
  openPage("triggers", triggerEntry().id, { replace: true });
  const { fake } = await open(client);
  expect(screen.queryByTestId("trigger-address")).toBeNull();
  fireEvent.click(screen.getByTestId("trigger-address-show"));
  await waitFor(() => expect(screen.getByTestId("trigger-address").textContent).toMatch(/secret-0$/));
  fireEvent.click(screen.getByTestId("trigger-renew"));
  expect(fake.calls.some((call) => call.method === "renew")).toBe(false);
  fireEvent.click(screen.getByTestId("trigger-renew-confirm"));
  await waitFor(() => expect(screen.getByTestId("trigger-address").textContent).toMatch(/secret-1$/));
});

test("what the server finds wrong stands at its field", async () => {
  const client = new FakeClient();
  const { fake } = await open(client);
  fireEvent.click(screen.getByTestId("trigger-new"));
  type("trigger-kind", "poll");
  type("trigger-url", "http://10.0.0.1/");
  const fields = { url: { code: "invalid", detail: "Not this address." } };
  fake.refusal = new HttpError({
    code: "refused",
    reason: "invalid",
    status: 400,
    detail: "",
    retry: false,
    fields,
  });
  fireEvent.click(screen.getByTestId("trigger-save"));
  await waitFor(() => expect(screen.getByText("Not this address.")).toBeTruthy());
  expect(screen.getByTestId("trigger-url").getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByTestId<HTMLInputElement>("trigger-url").value).toBe("http://10.0.0.1/");
});

test("a change sends only what differs; a secret that is not entered again stays", async () => {
  const client = new FakeClient();
  client.triggers.entries = [triggerEntry()];
  openPage("triggers", triggerEntry().id, { edit: true, replace: true });
  const { fake } = await open(client);
  type("trigger-name", "Deploys");
  fireEvent.click(screen.getByTestId("trigger-save"));
  await waitFor(() => expect(screen.getByTestId("trigger-detail")).toBeTruthy());
  const [, changes] = fake.calls.find((call) => call.method === "change")?.args ?? [];
  expect(changes).toEqual({ name: "Deploys" });
});

test("the history says what came of it, why nothing did, and what could not be delivered", async () => {
  const client = new FakeClient();
  client.triggers.entries = [triggerEntry()];
  client.triggers.firings = [
    triggerFiring({ id: 3, undelivered: "Feishu: refused" }),
    triggerFiring({
      id: 2,
      state: "skipped",
      reason: "paused",
      detail: "触发器当时已暂停。",
      conversation: null,
    }),
    triggerFiring({ id: 1, outcome: "failed" }),
  ];
  openPage("triggers", triggerEntry().id, { replace: true });
  const { fake } = await open(client, "zh");
  expect(screen.getAllByTestId("trigger-firing")).toHaveLength(3);
  expect(screen.getByText("触发器当时已暂停。")).toBeTruthy();
  expect(screen.getByTestId("run-undelivered").textContent).toBe("回答无法发送：Feishu: refused");
  fireEvent.click(screen.getByTestId("trigger-fire"));
  await waitFor(() => expect(screen.getAllByTestId("trigger-firing")).toHaveLength(4));
  fireEvent.click(screen.getByTestId("trigger-pause"));
  await waitFor(() => expect(screen.getByTestId("trigger-resume")).toBeTruthy());
  fireEvent.click(screen.getByTestId("trigger-delete"));
  fireEvent.click(screen.getByTestId("trigger-delete-confirm"));
  await waitFor(() => expect(window.location.pathname).toBe("/triggers"));
  expect(fake.entries).toEqual([]);
});

test("each kind sends the fields that it has, and leaves the others alone", () => {
  const filled = {
    ...emptyFields("a"),
    path: "$.x",
    match: "contains" as const,
    pattern: "y",
    url: "https://e",
  };
  const keys = (kind: "webhook" | "poll" | "message" | "run") =>
    Object.keys(draftOf({ ...filled, kind })).filter((key) =>
      ["sender", "secret", "url", "interval_s", "speaker", "watched", "outcomes"].includes(key),
    );
  expect(keys("webhook")).toEqual(["sender"]);
  expect(keys("poll")).toEqual(["url", "interval_s"]);
  expect(keys("message")).toEqual(["watched", "speaker"]);
  expect(keys("run")).toEqual(["watched", "outcomes"]);
  expect(draftOf({ ...filled, kind: "run" })).toMatchObject({ path: "", match: "any", pattern: "" });
  const until = Date.parse("2027-01-02T03:04:00Z");
  const entry = triggerEntry({ expires_at: until, max_fires: 3, cooldown_s: 9 });
  expect(draftOf(fieldsOf(entry))).toMatchObject({ expires_at: until, max_fires: 3, cooldown_s: 9 });
  expect(draftOf({ ...fieldsOf(entry), unsigned: true })).toMatchObject({ secret: "" });
});

test("both languages pass the accessibility check, with every kind", async () => {
  const rules = { "color-contrast": { enabled: false } };
  for (const language of ["en", "zh"] as const) {
    const client = new FakeClient();
    client.triggers.entries = [triggerEntry({ problem: "HTTP 500" })];
    client.triggers.firings = [triggerFiring()];
    const { unmount, container } = await open(client, language);
    expect((await axe.run(container, { rules })).violations).toEqual([]);
    act(() => openPage("triggers", triggerEntry().id));
    await act(async () => {});
    expect((await axe.run(container, { rules })).violations).toEqual([]);
    act(() => openPage("triggers", "new"));
    for (const kind of ["webhook", "poll", "message", "run"]) {
      type("trigger-kind", kind);
      expect((await axe.run(container, { rules })).violations).toEqual([]);
    }
    unmount();
    openPage("triggers", null, { replace: true });
    sessionStorage.clear();
  }
});
