import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { asked, call, done, FakeClient } from "../gallery/fake";
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
    "Asks for permission",
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

  test("it did not happen: one click", async () => {
    const client = new FakeClient();
    show(card(doubtful), client);
    fireEvent.click(screen.getByTestId("doubt-did-not-happen"));
    await waitFor(() => expect(settled(client)).toEqual(["c", "x", "did_not_happen", undefined]));
    expect(screen.getByTestId<HTMLFieldSetElement>("doubt").disabled).toBe(true);
  });

  test("it is run again only after the warning that it may happen twice", async () => {
    const client = new FakeClient();
    show(card(doubtful), client);
    fireEvent.click(screen.getByTestId("doubt-run-again"));
    expect(screen.getByTestId("doubt-warning").textContent).toContain("a second time");
    expect(settled(client)).toBeUndefined();
    fireEvent.click(screen.getByTestId("doubt-cancel"));
    expect(screen.queryByTestId("doubt-warning")).toBeNull();
    fireEvent.click(screen.getByTestId("doubt-run-again"));
    fireEvent.click(screen.getByTestId("doubt-run-again-confirm"));
    await waitFor(() => expect(settled(client)).toEqual(["c", "x", "run_again", undefined]));
  });

  test("the card says when it began, how far it was, and what it was given, whole", () => {
    const text = "a long note ".repeat(50).trim();
    const progress = { fraction: 0.4, note: "Writing line 2 of 5" };
    show(
      card(
        call(
          "x",
          "notes",
          { text },
          { status: "in_doubt", effect: "effectful", started_at: 1_790_000_000_000, progress },
        ),
      ),
    );
    const facts = screen.getByTestId("doubt-facts").textContent;
    expect(facts).toContain("40% · Writing line 2 of 5");
    expect(facts).toContain("2026");
    expect(screen.getByTestId("doubt-arguments").textContent).toContain(text);
  });

  test("what a person said of it never looks like the tool's result", () => {
    const of = (status: "succeeded" | "failed", by: string) =>
      call("x", "notes", { text: "a" }, { ...done("It is note 7."), status, code: "resolved_by_person", by });
    const shown = show(card(of("succeeded", "mei")));
    const settledBy = () => screen.getByTestId("doubt-settled");
    expect(settledBy().textContent).toContain("was said by you, not by the tool");
    expect(settledBy().querySelector("blockquote")?.textContent).toBe("It is note 7.");
    expect(screen.getByTestId("call-toggle").textContent).not.toContain("note 7");
    open();
    expect(screen.queryByTestId("call-result")).toBeNull();
    shown.again(card(of("failed", "ada")));
    expect(settledBy().textContent).toContain("did not happen was said by ada");
    expect(settledBy().dataset.happened).toBe("false");
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

describe("W8: a call that needs a yes", () => {
  const args = { action: "add", text: "Pay Mei" };
  const waiting = call("x", "notes", args, { status: "awaiting_approval", approval: asked() });
  const said = (client: FakeClient) => client.calls.find((each) => each.method === "approve")?.args;
  const decided = (decision: "approved" | "refused", by: string, note = "") =>
    call("x", "notes", args, {
      status: decision === "approved" ? "queued" : "cancelled",
      code: decision === "approved" ? null : "refused",
      preview: decision === "approved" ? "" : "words for the model",
      approval: asked({ decision, by, note, decided_at: 1 }),
    });

  test("its arguments are seen before it is allowed, with the digest of what was shown", async () => {
    const client = new FakeClient();
    show(card(waiting), client);
    expect(screen.getByTestId("approval-arguments").textContent).toContain("Pay Mei");
    fireEvent.click(screen.getByTestId("approval-allow"));
    await waitFor(() => expect(said(client)).toEqual(["c", "x", "d", "approve", undefined]));
    expect(screen.getByTestId<HTMLFieldSetElement>("approval").disabled).toBe(true);
  });

  test("a refusal may say why", async () => {
    const client = new FakeClient();
    show(card(waiting), client);
    fireEvent.click(screen.getByTestId("approval-refuse"));
    fireEvent.change(screen.getByTestId("approval-note"), { target: { value: " not today " } });
    fireEvent.click(screen.getByTestId("approval-confirm"));
    await waitFor(() => expect(said(client)).toEqual(["c", "x", "d", "refuse", "not today"]));
  });

  test("who was quicker stands on the card, and a word that came too late is not hidden", async () => {
    const client = new FakeClient();
    client.outcome = { status: "rejected", code: "already_decided" };
    const shown = show(card(waiting), client);
    fireEvent.click(screen.getByTestId("approval-allow"));
    expect((await screen.findByRole("alert")).textContent).toBe("Somebody else has decided already.");
    shown.again(card(decided("refused", "ada", "Too early.")));
    const words = screen.getByTestId("approval-decided").textContent;
    expect(words).toContain("Refused by ada");
    expect(words).toContain("Too early.");
    expect(words).toContain("Your decision came later");
    expect(screen.queryByTestId("approval")).toBeNull();
    expect(screen.getByTestId("call").textContent).not.toContain("words for the model");
  });

  test("one's own word stands under one's own name", () => {
    show(card(decided("approved", "mei")));
    expect(screen.getByTestId("approval-decided").textContent).toBe("Allowed by you");
  });
});

test("what somebody is to allow, and what a tool was given and gave, is never translated", () => {
  const waiting = call("x", "notes", { text: "a" }, { status: "awaiting_approval", approval: asked() });
  show(card(waiting));
  expect(screen.getByTestId("approval-arguments").getAttribute("translate")).toBe("no");
  fireEvent.click(screen.getByTestId("call-toggle"));
  expect(screen.getByTestId("call-arguments").getAttribute("translate")).toBe("no");
});

describe("the focus stays in the card", () => {
  const waiting = call("x", "notes", {}, { status: "awaiting_approval", approval: asked() });
  const doubtful = call("x", "notes", {}, { status: "in_doubt", effect: "effectful" });
  const toggle = () => screen.getByTestId("call-toggle");

  test.each([
    ["approval-allow", waiting],
    ["doubt-did-not-happen", doubtful],
  ])("after %s", (button, shown) => {
    show(card(shown));
    screen.getByTestId(button).focus();
    fireEvent.click(screen.getByTestId(button));
    expect(document.activeElement).toBe(toggle());
  });

  test.each([
    ["approval-refuse", "approval-note", "approval-confirm", waiting],
    ["doubt-happened", "doubt-result", "doubt-confirm", doubtful],
  ])("after %s, which asks for a reason, and after it was given", (button, note, confirm, shown) => {
    show(card(shown));
    fireEvent.click(screen.getByTestId(button));
    expect(document.activeElement).toBe(screen.getByTestId(note));
    fireEvent.click(screen.getByTestId(confirm));
    expect(document.activeElement).toBe(toggle());
  });
});
