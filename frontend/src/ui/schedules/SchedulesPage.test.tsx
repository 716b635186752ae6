import { act, cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { beforeEach, expect, test } from "vitest";
import { HttpError } from "../../sync";
import { FakeClient } from "../gallery/fake";
import { schedule, scheduleRun } from "../gallery/schedules";
import { openPage, usePage } from "../route";
import { show } from "../testing";
import SchedulesPage from "./SchedulesPage";

beforeEach(() => {
  sessionStorage.clear();
  openPage("schedules", null, { replace: true });
});

/** The page that the address names, as the app shows it. */
function Shown() {
  const page = usePage();
  return page && <SchedulesPage page={page} />;
}

async function open(client = new FakeClient(), language: "en" | "zh" = "en") {
  const shown = show(<Shown />, client, language);
  await act(async () => {});
  return { ...shown, fake: client.schedules };
}

const type = (hook: string, value: string) =>
  fireEvent.change(screen.getByTestId(hook), { target: { value } });

test("without any, it says so; one is made with the fields that were filled in, once", async () => {
  const { fake } = await open();
  expect(screen.getByText("Nothing is scheduled yet.")).toBeTruthy();
  fireEvent.click(screen.getByTestId("schedule-new"));
  type("schedule-prompt", "What is new?");
  type("schedule-zone", "Asia/Shanghai");
  type("schedule-repeat", "weekdays");
  type("schedule-time", "07:15");
  await waitFor(() => expect(screen.getByTestId("schedule-times").children.length).toBe(5));
  fireEvent.click(screen.getByTestId("schedule-save"));
  fireEvent.click(screen.getByTestId("schedule-save"));
  await waitFor(() => expect(screen.getByTestId("schedule-detail")).toBeTruthy());
  const made = fake.calls.filter((call) => call.method === "create");
  expect(made).toHaveLength(1);
  expect(made[0]?.args[1]).toMatchObject({
    prompt: "What is new?",
    cron: "15 7 * * 1-5",
    zone: "Asia/Shanghai",
  });
});

test("what the server finds wrong stands at its field, and what was written stays", async () => {
  const client = new FakeClient();
  const { fake } = await open(client);
  fireEvent.click(screen.getByTestId("schedule-new"));
  type("schedule-prompt", "keep me");
  const fields = {
    conversation: { code: "not_found", detail: "You have no such conversation." },
    name: { code: "from_the_future", detail: "Words of a newer server." },
  };
  const problem = {
    code: "refused" as const,
    reason: "invalid",
    status: 400,
    detail: "",
    retry: false,
    fields,
  };
  fake.refusal = new HttpError(problem);
  fireEvent.click(screen.getByTestId("schedule-save"));
  await waitFor(() => expect(screen.getByTestId("schedule-failed")).toBeTruthy());
  expect(screen.getByText("This conversation was deleted. Choose another one.")).toBeTruthy();
  expect(screen.getByText("Words of a newer server.")).toBeTruthy();
  expect(screen.getByTestId<HTMLTextAreaElement>("schedule-prompt").value).toBe("keep me");
  // The same form again is the same schedule.
  fireEvent.click(screen.getByTestId("schedule-save"));
  await waitFor(() => expect(screen.getByTestId("schedule-detail")).toBeTruthy());
  const ids = fake.calls.filter((call) => call.method === "create").map((call) => call.args[0]);
  expect(new Set(ids).size).toBe(1);
});

test("a change sends only what differs", async () => {
  const client = new FakeClient();
  client.schedules.entries = [schedule()];
  const { fake } = await open(client);
  fireEvent.keyDown(screen.getByTestId("schedule-menu"), { key: "Enter" });
  fireEvent.click(await screen.findByTestId("schedule-edit"));
  type("schedule-name", "Climate");
  fireEvent.click(screen.getByTestId("schedule-save"));
  await waitFor(() => expect(screen.getByText("Climate")).toBeTruthy());
  const [, changes] = fake.calls.find((call) => call.method === "change")?.args ?? [];
  expect(changes).toEqual({ name: "Climate" });
  expect(window.location.pathname).toBe(`/schedules/${fake.entries[0]?.id}`);
});

test("pausing, running now and deleting, which asks first", async () => {
  const client = new FakeClient();
  client.schedules.entries = [schedule()];
  const { fake } = await open(client);
  const choose = async (item: string) => {
    fireEvent.keyDown(screen.getByTestId("schedule-menu"), { key: "Enter" });
    fireEvent.click(await screen.findByTestId(item));
    // The next one must not meet this menu while it closes.
    await waitFor(() => expect(screen.queryByTestId(item)).toBeNull());
  };
  await choose("schedule-run-now");
  await choose("schedule-pause");
  await waitFor(() => expect(screen.getByTestId("schedule-row").dataset.state).toBe("paused"));
  await choose("schedule-resume");
  await waitFor(() => expect(screen.getByTestId("schedule-row").dataset.state).toBe("active"));
  await choose("schedule-delete");
  expect(fake.entries).toHaveLength(1);
  fireEvent.click(screen.getByTestId("schedule-delete-confirm"));
  await waitFor(() => expect(screen.queryByTestId("schedule-row")).toBeNull());
  expect(fake.calls.map((call) => call.method)).toEqual(["runNow", "change", "change", "remove"]);
});

test("the history leads into conversations, and says why there is none", async () => {
  const client = new FakeClient();
  client.schedules.entries = [schedule({ last: null })];
  client.schedules.runs = [
    scheduleRun(),
    scheduleRun({
      id: "f2",
      state: "failed",
      outcome: "agent_missing",
      detail: "server words",
      conversation: null,
    }),
    scheduleRun({ id: "f3", state: "skipped", outcome: "", detail: "12 passed over", conversation: null }),
    scheduleRun({
      id: "f4",
      state: "skipped",
      outcome: "",
      detail: "server words",
      conversation: null,
      passed: { why: "late", count: 4, more: false, from: Date.now() - 86_400_000, most: 10 },
    }),
    scheduleRun({ id: "f5", delivery: { state: "dead", error: "230002 Bot not in chat" } }),
    scheduleRun({ id: "f6", undelivered: "Feishu: refused" }),
  ];
  await open(client, "zh");
  fireEvent.keyDown(screen.getByTestId("schedule-menu"), { key: "Enter" });
  fireEvent.click(await screen.findByTestId("schedule-history"));
  await waitFor(() => expect(screen.getAllByTestId("schedule-run")).toHaveLength(6));
  expect(screen.getByText("智能体已停用或被删除。")).toBeTruthy();
  expect(screen.getByText("12 passed over")).toBeTruthy();
  expect(screen.getByText(/共 4 次：未能及时处理/)).toBeTruthy();
  expect(screen.getAllByTestId("run-undelivered").map((each) => each.textContent)).toEqual([
    "回答无法发送：230002 Bot not in chat",
    "回答无法发送：Feishu: refused",
  ]);
  fireEvent.click(screen.getAllByTestId("schedule-open")[0] as HTMLElement);
  expect(window.location.pathname).toBe("/c/0190a000-0000-7000-8000-000000000001");
});

test("what was written is there after a walk to another page and gone when it is given up; an unreachable server is said", async () => {
  const client = new FakeClient();
  const offline = { code: "offline" as const, status: 0, detail: "", retry: true };
  client.schedules.trouble = new HttpError(offline);
  await open(client);
  expect(screen.getByRole("alert").textContent).toBe("No connection. Nothing was changed.");
  client.schedules.trouble = null;
  act(() => openPage("schedules", "new"));
  await act(async () => {});
  cleanup();
  await open(client);
  type("schedule-prompt", "keep me");
  act(() => openPage("schedules"));
  act(() => openPage("schedules", "new"));
  await waitFor(() =>
    expect(screen.getByTestId<HTMLTextAreaElement>("schedule-prompt").value).toBe("keep me"),
  );
  fireEvent.click(screen.getByText("Cancel"));
  expect(window.location.pathname).toBe("/schedules");
  fireEvent.click(screen.getByTestId("schedule-new"));
  expect(screen.getByTestId<HTMLTextAreaElement>("schedule-prompt").value).toBe("");
});

test("one that is not there says so", async () => {
  openPage("schedules", "0190a000-0000-7000-8000-0000000000ff", { replace: true });
  await open();
  expect(screen.getByTestId("page-gone")).toBeTruthy();
});

test("both languages pass the accessibility check", async () => {
  for (const language of ["en", "zh"] as const) {
    const client = new FakeClient();
    client.schedules.entries = [schedule({ problem: "not_found", state: "paused" })];
    client.schedules.destinations = [{ kind: "email", address: "a@example.com", label: "a@example.com" }];
    const { unmount, container } = await open(client, language);
    const rules = { "color-contrast": { enabled: false } };
    expect((await axe.run(container, { rules })).violations).toEqual([]);
    fireEvent.click(screen.getByTestId("schedule-new"));
    expect((await axe.run(container, { rules })).violations).toEqual([]);
    unmount();
    openPage("schedules", null, { replace: true });
  }
});

test.each(["en", "zh"] as const)("in %s no two fields of the form have one name", async (language) => {
  await open(new FakeClient(), language);
  fireEvent.click(screen.getByTestId("schedule-new"));
  const repeats = ["hourly", "daily", "weekdays", "weekly", "monthly", "custom"];
  const shapes = [
    () => fireEvent.click(screen.getByTestId("schedule-kind-interval")),
    () => fireEvent.click(screen.getByTestId("schedule-kind-once")),
    ...repeats.map((repeat) => () => {
      fireEvent.click(screen.getByTestId("schedule-kind-cron"));
      type("schedule-repeat", repeat);
    }),
  ];
  for (const shape of shapes) {
    shape();
    type("schedule-missed", "all");
    const named = screen
      .getByTestId("schedule-form")
      .querySelectorAll("legend, label, [aria-label]:not(button)");
    const names = [...named].map((each) => each.getAttribute("aria-label") ?? each.textContent);
    expect(names.length).toBeGreaterThan(6);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  }
});
