import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { call, done, FakeClient } from "../gallery/fake";
import { show } from "../testing";
import { CallCard } from "./CallCard";

const card = (of: ReturnType<typeof call>) => <CallCard conversation="c" call={of} />;
const open = () => fireEvent.click(screen.getByTestId("call-toggle"));

test("a card has the state in its attributes and in words", () => {
  const shown = show(card(call("x", "current_time", { city: "Tokyo" })));
  const states = [
    "proposed",
    "awaiting_approval",
    "queued",
    "running",
    "in_doubt",
    "succeeded",
    "failed",
    "cancelled",
  ] as const;
  const words = [
    "Proposed",
    "Needs approval",
    "Queued",
    "Running",
    "In doubt",
    "Done",
    "Failed",
    "Cancelled",
  ];
  states.forEach((status, index) => {
    shown.again(card(call("x", "current_time", { city: "Tokyo" }, { status, started_at: Date.now() })));
    expect(screen.getByTestId("call").dataset.status).toBe(status);
    expect(screen.getByTestId("call-toggle").textContent).toContain(words[index]);
  });
  expect(screen.getByTestId("call-toggle").textContent).toContain("Current time");
});

test("a running call shows progress, its note and the time by the server's clock", () => {
  const client = new FakeClient();
  const running = call(
    "x",
    "slow_research",
    {},
    {
      status: "running",
      attempt: 2,
      started_at: client.now() - 7200,
      progress: { fraction: 0.624, note: "Reading source 5" },
    },
  );
  show(card(running), client);
  expect(screen.getByTestId("call-elapsed").textContent).toBe("7s");
  expect(screen.getByTestId("call-progress").getAttribute("aria-valuenow")).toBe("62");
  expect(screen.getByTestId("call-note").textContent).toBe("Reading source 5");
  expect(screen.getByTestId("call").textContent).toContain("attempt 2");
});

test("progress without a fraction has no value", () => {
  show(card(call("x", "t", {}, { status: "running", progress: { fraction: null, note: "" } })));
  expect(screen.getByTestId("call-progress").hasAttribute("aria-valuenow")).toBe(false);
});

test("malformed arguments are shown as the model wrote them, and explained", () => {
  show(
    card(call("x", "calculator", '{"expression": "12 *', { status: "failed", code: "malformed_arguments" })),
  );
  expect(screen.getByTestId("call").textContent).toContain("not valid JSON");
  open();
  expect(screen.getByTestId("call-arguments").textContent).toBe('{"expression": "12 *');
});

test("details are shown on demand only", () => {
  show(card(call("x", "calculator", { expression: "1+1" }, done("2"))));
  expect(screen.queryByTestId("call-result")).toBeNull();
  expect(screen.getByTestId("call-toggle").getAttribute("aria-expanded")).toBe("false");
  open();
  expect(screen.getByTestId("call-toggle").getAttribute("aria-expanded")).toBe("true");
  expect(screen.getByTestId("call-result").textContent).toBe("2");
  expect(screen.queryByTestId("call-show-all")).toBeNull();
});

test("a long result is fetched when it is asked for, and may be asked for again after a failure", async () => {
  const client = new FakeClient();
  show(card(call("x", "fetch_url", {}, done("begin", 10, { size: 5000 }))), client);
  open();
  fireEvent.click(screen.getByTestId("call-show-all"));
  await screen.findByRole("alert");
  client.details.set("x", {
    id: "x",
    name: "fetch_url",
    arguments: "{}",
    result: "all of it",
    status: "succeeded",
  });
  fireEvent.click(screen.getByTestId("call-show-all"));
  await waitFor(() => expect(screen.getByTestId("call-result").textContent).toBe("all of it"));
  expect(client.calls.filter((each) => each.method === "callDetail")).toHaveLength(2);
});

describe("R4: a call in doubt is decided by a person", () => {
  const doubtful = call("x", "notes", { text: "a" }, { status: "in_doubt", effect: "effectful" });
  const settled = (client: FakeClient) => client.calls.find((each) => each.method === "settle")?.args;

  test("it did not happen, or is run again: one click", async () => {
    const client = new FakeClient();
    show(card(doubtful), client);
    fireEvent.click(screen.getByTestId("doubt-run-again"));
    await waitFor(() => expect(settled(client)).toEqual(["c", "x", "run_again", undefined]));
    expect(screen.getByTestId<HTMLFieldSetElement>("doubt").disabled).toBe(true);
  });

  test("it happened: with the result, for the model to read", async () => {
    const client = new FakeClient();
    show(card(doubtful), client);
    fireEvent.click(screen.getByTestId("doubt-happened"));
    fireEvent.change(screen.getByTestId("doubt-result"), { target: { value: " note 7 " } });
    fireEvent.click(screen.getByTestId("doubt-confirm"));
    await waitFor(() => expect(settled(client)).toEqual(["c", "x", "happened", "note 7"]));
  });

  test("a decision that the server refuses can be made again", async () => {
    const client = new FakeClient();
    client.outcome = { status: "rejected", code: "already_settled" };
    show(card(doubtful), client);
    fireEvent.click(screen.getByTestId("doubt-did-not-happen"));
    expect((await screen.findByRole("alert")).textContent).toBe("This has been decided already.");
    expect(screen.getByTestId<HTMLFieldSetElement>("doubt").disabled).toBe(false);
  });
});
