// Copies, from the menus of rows and in what a copy says of itself.
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { HttpError } from "../../sync";
import { FakeClient, message, NO_USAGE, step } from "../gallery/fake";
import { navigate } from "../route";
import { show } from "../testing";
import { CopyingProvider } from "../useCopying";
import { rowsOf } from "../view";
import { CopiedRow } from "./CopiedRow";
import { MessageRow } from "./MessageRow";
import { StepRow } from "./StepRow";

const ID = "01890000-0000-7000-8000-000000000001";
const FROM = { conversation: "01890000-0000-7000-8000-00000000abcd", title: "Tea", item: "" };

beforeEach(() => navigate(ID, true));

async function copyFromHere() {
  fireEvent.keyDown(screen.getByTestId("message-menu"), { key: "Enter" });
  fireEvent.click(await screen.findByTestId("copy-from-here"));
}

test("an answer's menu copies up to it, and goes to the copy", async () => {
  const item = step(2, "b");
  const { client } = show(
    <CopyingProvider>
      <StepRow conversation={ID} agent="demo" item={item} opens closes goesOn={false} />
    </CopyingProvider>,
  );
  await copyFromHere();
  await waitFor(() => expect(window.location.pathname).toBe(`/c/${client.copies.begun.id}`));
  expect(client.copies.asked).toEqual([["copy", ID, item.id]]);
});

test("so does a message's, and a copy that is not made says why in the reader's language", async () => {
  const client = new FakeClient();
  const detail = { status: 429, detail: "", reason: "conversations_full", retry: false };
  client.copies.problem = new HttpError({ code: "too_fast", ...detail });
  show(
    <CopyingProvider>
      <MessageRow conversation={ID} item={message(1, "a")} waits={false} />
    </CopyingProvider>,
    client,
    "zh",
  );
  await copyFromHere();
  expect((await screen.findByTestId("copy-failed")).textContent).toContain("请先删除一些");
  expect(window.location.pathname).toBe(`/c/${ID}`);
  fireEvent.click(screen.getByTestId("dialog-cancel"));
  expect(screen.queryByTestId("copy-failed")).toBeNull();
});

test("a copy says where it comes from, and leads there if that is here", () => {
  const { again } = show(<CopiedRow from={{ ...FROM, conversation: "" }} />);
  expect(screen.getByTestId("copied-from").textContent).toBe("Copied from Tea");
  expect(screen.queryByTestId("copied-from-link")).toBeNull();
  again(<CopiedRow from={FROM} />);
  fireEvent.click(screen.getByTestId("copied-from-link"));
  expect(window.location.pathname).toBe(`/c/${FROM.conversation}`);
});

test("that stands above the first message, once it is there", () => {
  const info = { title: "Tea", agent: "demo", created_at: 1, usage: NO_USAGE, copied_from: FROM };
  const view = { items: [message(1, "a")], pending: [], run: null, info };
  expect(rowsOf({ ...view, older: "more" }).map((row) => row.type)).toEqual(["item"]);
  expect(rowsOf({ ...view, older: "none" }).map((row) => row.type)).toEqual(["copied", "item"]);
});
