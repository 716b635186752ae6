import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Banner } from "./Banner";
import { chunk } from "./chunks";
import { FakeClient } from "./gallery/fake";
import { show } from "./testing";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 22, 12, 0, 0) });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms));

test("the banner comes after three seconds, counts down, and tries at once when asked", () => {
  const client = new FakeClient();
  show(<Banner />, client);
  act(() =>
    client.connection.set({
      status: "offline",
      downSince: Date.now(),
      attempt: 4,
      retryAt: Date.now() + 12_000,
      said: null,
      lastSyncedAt: Date.now() - 1000,
    }),
  );
  expect(screen.queryByTestId("banner")).toBeNull();
  pass(2500);
  expect(screen.queryByTestId("banner")).toBeNull();
  pass(500);
  expect(screen.getByTestId("banner").textContent).toContain("Next try in 9s (attempt 4)");
  expect(screen.getByTestId("last-synced").textContent).toMatch(/11:59/);
  pass(4000);
  expect(screen.getByTestId("banner").textContent).toContain("Next try in 5s");
  fireEvent.click(screen.getByTestId("try-now"));
  expect(client.calls.map((each) => each.method)).toEqual(["reconnect"]);
  act(() => client.connection.set({ status: "open" }));
  expect(screen.queryByTestId("banner")).toBeNull();
});

test("a blink is never mentioned", () => {
  const client = new FakeClient();
  show(<Banner />, client);
  act(() =>
    client.connection.set({
      status: "connecting",
      downSince: Date.now(),
      attempt: 1,
      lastSyncedAt: null,
      turnAt: null,
    }),
  );
  pass(2000);
  act(() => client.connection.set({ status: "open" }));
  pass(5000);
  expect(screen.queryByTestId("banner")).toBeNull();
});

test("who was logged out finds the way back to this conversation", () => {
  const client = new FakeClient();
  client.connection.set({ status: "goaway", reason: "logged_out" });
  show(<Banner />, client);
  expect(screen.getByRole("link").getAttribute("href")).toMatch(/^\/accounts\/login\/\?next=/);
});

test("W9: a tab of another release is told to reload, and that it loses nothing", () => {
  const client = new FakeClient();
  client.connection.set({ status: "goaway", reason: "protocol" });
  show(<Banner />, client, "zh");
  expect(screen.getByRole("alert").textContent).toContain("有新版本");
  expect(screen.getByRole("alert").textContent).toContain("不会丢失");
  expect(screen.getByRole("link").getAttribute("href")).toBe(window.location.pathname);
});

test("a part of the page that cannot be loaded leads to the same banner", async () => {
  show(<Banner />);
  expect(screen.queryByTestId("banner")).toBeNull();
  await act(() => chunk(() => Promise.reject(new Error("404")))().catch(() => {}));
  expect(screen.getByTestId("banner").dataset.status).toBe("goaway");
  expect(screen.getByRole("link").textContent).toBe("Reload");
});
