import { act, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { ListEntry } from "../sync";
import { FakeClient, listed } from "./gallery/fake";
import { show } from "./testing";
import { useCallBack, useUnread } from "./useCallBack";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  localStorage.clear();
});

function Page({ current }: { current: string | null }) {
  useCallBack(current);
  return <p data-testid="unread">{[...useUnread()].join(" ")}</p>;
}

test("an answer that ended before one left is not new, although the list is told of it afterwards", () => {
  vi.useFakeTimers({ now: 1_000 });
  vi.spyOn(document, "hasFocus").mockReturnValue(true);
  const client = new FakeClient();
  const told = (one: ListEntry) => client.list.update(() => ({ conversations: [one] }));
  told(listed("a", "running", 900));
  const page = show(<Page current="a" />, client);
  vi.setSystemTime(5_000);
  page.again(<Page current={null} />);
  act(() => told(listed("a", "finished", 4_900)));
  expect(screen.getByTestId("unread").textContent).toBe("");
  act(() => told(listed("a", "finished", 5_100)));
  expect(screen.getByTestId("unread").textContent).toBe("a");
});
