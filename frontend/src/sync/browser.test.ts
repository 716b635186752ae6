// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { browserPorts } from "./browser";

const ports = browserPorts();

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("runs once per request for a frame, also when the browser does not paint", () => {
  vi.spyOn(globalThis, "requestAnimationFrame").mockReturnValue(1 as never);
  const run = vi.fn();
  ports.frame(run);
  vi.advanceTimersByTime(1_000);
  expect(run).toHaveBeenCalledTimes(1);
  const cancelled = vi.fn();
  ports.frame(cancelled)();
  vi.advanceTimersByTime(1_000);
  expect(cancelled).not.toHaveBeenCalled();
});

it("hears that the tab is visible, back from the page cache, online, offline, and stops hearing", () => {
  const heard: string[] = [];
  const deaf = ports.environment.on((what) => heard.push(what));
  const restored = Object.assign(new Event("pageshow"), { persisted: true });
  const happen = (): void => {
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(restored);
    window.dispatchEvent(new Event("online"));
    window.dispatchEvent(new Event("offline"));
  };
  happen();
  expect(heard).toEqual(["wake", "wake", "wake", "sleep"]);
  deaf();
  happen();
  expect(heard).toHaveLength(4);
});

it("keeps the outbox in localStorage and hears of other tabs", () => {
  ports.storage.set("a.1", "x");
  localStorage.setItem("b.1", "y");
  expect(ports.storage.keys("a.")).toEqual(["a.1"]);
  expect(ports.storage.get("a.1")).toBe("x");
  const heard: unknown[] = [];
  const deaf = ports.storage.onForeign((key, value) => heard.push([key, value]));
  const event = Object.assign(new Event("storage"), {
    key: "a.1",
    newValue: null,
    storageArea: localStorage,
  });
  window.dispatchEvent(event);
  deaf();
  window.dispatchEvent(event);
  expect(heard).toEqual([["a.1", null]]);
  ports.storage.remove("a.1");
  expect(ports.storage.keys("a.")).toEqual([]);
});

it("does without localStorage where the browser forbids it", () => {
  vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
    throw new DOMException("denied", "SecurityError");
  });
  const { storage } = browserPorts();
  storage.set("a.1", "x");
  expect(storage.keys("a.")).toEqual(["a.1"]);
  storage.remove("a.1");
  expect(storage.get("a.1")).toBeNull();
});

it("W3 goes on when the machine's clock is set back by hours, and follows it ahead", () => {
  vi.setSystemTime(1_790_000_000_000);
  const { clock } = browserPorts();
  const before = clock.now();
  vi.advanceTimersByTime(1_000);
  expect(clock.now()).toBe(before + 1_000);
  vi.setSystemTime(1_790_000_000_000 - 2 * 3_600_000);
  vi.advanceTimersByTime(5_000);
  expect(clock.now()).toBe(before + 6_000);
  vi.setSystemTime(1_790_000_000_000 + 3_600_000);
  expect(clock.now()).toBe(before + 3_600_000);
});
