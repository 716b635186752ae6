import { cleanup, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { FakeClient, run } from "./gallery/fake";
import { dictionaries, wordsOf } from "./i18n";
import { RunStatus, stateText } from "./RunStatus";
import { show } from "./testing";

afterEach(cleanup);

const line = () => screen.getByTestId("run-status").textContent;

test("R4: who looks on sees that a run recovers, for how long, and which attempt comes", () => {
  const recovering = run("recovering", { reason: "lease_lost", attempt: 1, since: Date.now() - 4200 });
  show(<RunStatus view={{ run: recovering, stopping: false }} />, new FakeClient());
  expect(line()).toBe("The worker was lost; another one takes over · 4s · attempt 2");
  expect(screen.getByTestId("run-status").dataset.status).toBe("recovering");
});

test("a run of before there was such a time recovers without one", () => {
  const old = run("recovering", { reason: "lease_lost", attempt: 2 });
  Reflect.deleteProperty(old, "since");
  show(<RunStatus view={{ run: old, stopping: false }} />, new FakeClient());
  expect(line()).toBe("The worker was lost; another one takes over · attempt 3");
});

test("a run that works tells how long it has worked in all, and its attempt once it is not the first", () => {
  const began = Date.now() - 65_000;
  const second = run("running", { attempt: 2, started_at: began, since: Date.now() - 1000 });
  show(<RunStatus view={{ run: second, stopping: false }} />, new FakeClient());
  expect(line()).toBe("Working · 1m 5s · attempt 2");
});

test("a long wait for the provider says at which time it ends", () => {
  const now = Date.UTC(2026, 10, 29, 10, 0);
  const words = wordsOf("en");
  const waits = (ms: number) =>
    stateText(run("running", { code: "model_busy", retry_at: now + ms }), "retrying", now, words);
  expect(waits(7000)).toBe("The model is busy. Trying again in 7s");
  expect(waits(1_800_000)).toBe(
    `The model is busy. Trying again in 30m 0s, at ${words.clock(now + 1_800_000)}`,
  );
  expect(waits(72_000_000)).toContain(words.fullDate(now + 72_000_000));
});

test("each reason to recover has its own words in every language", () => {
  for (const language of Object.keys(dictionaries) as (keyof typeof dictionaries)[]) {
    const words = wordsOf(language);
    const texts = ["lease_lost", "handed_over", "crashed", "internal_error"].map((reason) =>
      stateText(run("recovering", { reason }), "recovering", 0, words),
    );
    expect(new Set(texts).size).toBe(4);
  }
});
