import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import axe from "axe-core";
import { expect, test } from "vitest";
import type { NoteEntry } from "../../sync";
import { FakeClient } from "../gallery/fake";
import { show } from "../testing";
import NotesPage from "./NotesPage";

const note = (number: number, more: Partial<NoteEntry> = {}): NoteEntry => ({
  number,
  text: `thing ${number}`,
  created_at: Date.now() - 60_000,
  conversation: null,
  title: null,
  agent: null,
  ...more,
});

async function open(notes: NoteEntry[], language: "en" | "zh" = "en") {
  const client = new FakeClient();
  client.notes.entries = notes;
  const shown = show(<NotesPage />, client, language);
  await act(async () => {});
  return { ...shown, fake: client.notes };
}

test("without any it says so, in both languages", async () => {
  await open([]);
  expect(screen.getByText("No agent has noted anything for you yet.")).toBeTruthy();
  expect(screen.queryByTestId("notes-delete-all")).toBeNull();
});

test("one is put in other words, by keyboard too; Escape leaves it as it was", async () => {
  const { fake } = await open([note(2, { conversation: "c1", title: "Milk", agent: "x" }), note(1)]);
  expect(screen.getByTestId("note-open").textContent).toBe("Milk");
  fireEvent.click(screen.getAllByTestId("note-edit")[0] as HTMLElement);
  const field = screen.getByTestId<HTMLTextAreaElement>("note-input");
  expect(document.activeElement).toBe(field);
  fireEvent.change(field, { target: { value: "other" } });
  fireEvent.keyDown(field, { key: "Escape" });
  expect(screen.queryByTestId("note-input")).toBeNull();
  expect(fake.entries[0]?.text).toBe("thing 2");
  fireEvent.click(screen.getAllByTestId("note-edit")[0] as HTMLElement);
  fireEvent.change(screen.getByTestId("note-input"), { target: { value: "other" } });
  fireEvent.click(screen.getByTestId("note-save"));
  await waitFor(() => expect(screen.getByText("other")).toBeTruthy());
});

test("one, and all of them, are deleted after a question", async () => {
  const { fake } = await open([note(2), note(1)], "zh");
  fireEvent.click(screen.getAllByTestId("note-delete")[0] as HTMLElement);
  expect(fake.entries).toHaveLength(2);
  fireEvent.click(screen.getByTestId("note-delete-confirm"));
  await waitFor(() => expect(screen.getAllByTestId("note-row")).toHaveLength(1));
  fireEvent.click(screen.getByTestId("notes-delete-all"));
  fireEvent.click(screen.getByTestId("note-delete-confirm"));
  await waitFor(() => expect(screen.queryAllByTestId("note-row")).toHaveLength(0));
});

test("it passes the accessibility check", async () => {
  const { container } = await open([note(1)]);
  const rules = { "color-contrast": { enabled: false } };
  expect((await axe.run(container, { rules })).violations).toEqual([]);
  fireEvent.click(screen.getByTestId("note-edit"));
  expect((await axe.run(container, { rules })).violations).toEqual([]);
});
