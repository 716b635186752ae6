import { fireEvent, screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { FakeClient } from "./gallery/fake";
import Timeline from "./Timeline";
import { show } from "./testing";

const span = (kind: string, name: string, start: number, end: number | null, more = {}) => ({
  kind,
  name,
  start,
  end,
  attempt: 1,
  worker: "",
  outcome: "",
  ...more,
});

test("each request, call, wait and loss stands with its time, its attempt and how it ended", async () => {
  const client = new FakeClient();
  client.spans = [
    span("queued", "", 0, 500),
    span("model", "demo", 500, 1_500, { worker: "w1", outcome: "finished" }),
    span("call", "calculator", 1_500, 4_000, { worker: "w1", outcome: "cut" }),
    span("lost", "lease_lost", 4_000, 7_000),
    span("call", "calculator", 7_000, null, { attempt: 2, worker: "w2" }),
  ];
  show(<Timeline conversation="c" run="r" onClose={() => {}} />, client);
  await waitFor(() => expect(screen.getAllByTestId("timeline-span")).toHaveLength(5));
  const said = screen.getAllByTestId("timeline-span").map((each) => each.textContent);
  expect(said[0]).toContain("Waited for a worker");
  expect(said[1]).toContain("Model (demo)");
  expect(said[2]).toContain("Calculator");
  expect(said[2]).toContain("cut off with its worker");
  expect(said[3]).toContain("The worker was lost");
  expect(said[4]).toContain("attempt 2 · goes on · worker w2");
});

test("what could not be loaded can be asked for again", async () => {
  const client = new FakeClient();
  show(<Timeline conversation="c" run="r" onClose={() => {}} />, client);
  await screen.findByRole("alert");
  client.spans = [span("queued", "", 0, 500)];
  fireEvent.click(screen.getByText("Try again"));
  await waitFor(() => expect(screen.getAllByTestId("timeline-span")).toHaveLength(1));
  expect(screen.queryByRole("alert")).toBeNull();
});
