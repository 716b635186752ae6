import { expect, test } from "vitest";
import { bannerOf, PATIENCE } from "./outage";

const down = { downSince: 10_000, attempt: 2, lastSyncedAt: 9000 };

test("a link that is open, or has been down for less than three seconds, is not mentioned", () => {
  expect(bannerOf({ status: "open" }, 99_999)).toEqual({ status: "none" });
  const connecting = { status: "connecting" as const, ...down, turnAt: null };
  expect(bannerOf(connecting, 10_000 + PATIENCE - 1)).toEqual({ status: "none" });
  expect(bannerOf(connecting, 10_000 + PATIENCE)).toMatchObject({ status: "connecting", attempt: 2 });
});

test("a longer outage counts down to the next try, never below zero", () => {
  const offline = { status: "offline" as const, ...down, retryAt: 20_000, said: null };
  expect(bannerOf(offline, 15_000)).toEqual({
    status: "offline",
    attempt: 2,
    crowded: false,
    waitMs: 5000,
    lastSyncedAt: 9000,
  });
  expect(bannerOf(offline, 21_000)).toMatchObject({ waitMs: 0 });
});

test("a place in the queue counts down, never below zero", () => {
  const connecting = { status: "connecting" as const, ...down, turnAt: 18_000 };
  expect(bannerOf(connecting, 14_000)).toMatchObject({ status: "connecting", turnMs: 4_000 });
  expect(bannerOf(connecting, 19_000)).toMatchObject({ turnMs: 0 });
});

test("what ends for good is said at once", () => {
  expect(bannerOf({ status: "goaway", reason: "logged_out" }, 0)).toEqual({
    status: "goaway",
    reason: "logged_out",
  });
});

test("a part that is missing is said once a reload would bring it", () => {
  const offline = {
    status: "offline",
    downSince: 0,
    attempt: 1,
    retryAt: 0,
    said: null,
    lastSyncedAt: null,
  } as const;
  expect(bannerOf({ status: "open" }, 10_000, true)).toEqual({ status: "goaway", reason: "part_missing" });
  expect(bannerOf(offline, 10_000, true).status).toBe("offline");
});
