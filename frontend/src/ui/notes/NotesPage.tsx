import { NotebookPen, Pencil, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import type { NoteEntry } from "../../sync";
import { useAgentName, useClient } from "../client";
import { useWords } from "../i18n";
import { PageFrame } from "../pages/PageFrame";
import { ConversationLink } from "../pages/PageLink";
import { problemOf, said, Trouble } from "../pages/trouble";
import { usePolled } from "../pages/usePolled";
import { Confirm } from "../parts/Confirm";
import { NoteBox } from "./NoteBox";

type Ending = { what: "all" } | { what: "one"; note: NoteEntry };

/** What agents have noted for the reader, who changes it and ends it. */
export default function NotesPage() {
  const words = useWords();
  const { notes } = useClient();
  const state = usePolled(useCallback(() => notes.list(), [notes]));
  const [failed, setFailed] = useState<string | null>(null);
  const [editing, setEditing] = useState<number | null>(null);
  const [ending, setEnding] = useState<Ending | null>(null);
  const act = (work: Promise<unknown>) => {
    setFailed(null);
    work.then(state.refresh, (failure) => {
      setFailed(said(problemOf(failure), words));
      state.refresh();
    });
  };
  const found = state.value?.notes ?? null;
  const trouble = failed ?? (state.problem ? said(state.problem, words) : null);
  return (
    <PageFrame
      title={words.t("note.title")}
      testid="notes-page"
      actions={
        found && found.length > 0 ? (
          <button
            type="button"
            className="button small mr-1"
            data-testid="notes-delete-all"
            onClick={() => setEnding({ what: "all" })}
          >
            <Trash2 size={14} aria-hidden="true" /> {words.t("note.delete_all")}
          </button>
        ) : null
      }
    >
      <p className="mb-4 text-sm text-ink-2">{words.t("note.about")}</p>
      <Trouble text={trouble} />
      {found === null && !state.problem && (
        <p className="py-6 text-sm text-ink-2">{words.t("app.loading")}</p>
      )}
      {found?.length === 0 && (
        <div className="grid place-items-center gap-2 py-10 text-center text-sm text-ink-2">
          <NotebookPen size={32} className="text-ink-3" aria-hidden="true" />
          {words.t("note.none")}
        </div>
      )}
      <ul className="flex flex-col gap-2">
        {found?.map((note) => (
          <li
            key={note.number}
            className="rounded-xl border border-line bg-ground px-3.5 py-3"
            data-testid="note-row"
            data-number={note.number}
          >
            {editing === note.number ? (
              <NoteBox
                note={note}
                onClose={() => setEditing(null)}
                onSaved={() => {
                  setEditing(null);
                  state.refresh();
                }}
              />
            ) : (
              <Note
                note={note}
                onEdit={() => setEditing(note.number)}
                onDelete={() => setEnding({ what: "one", note })}
              />
            )}
          </li>
        ))}
      </ul>
      {ending && (
        <Confirm
          title={words.t(ending.what === "all" ? "note.delete_all_title" : "note.delete_title")}
          text={words.t(ending.what === "all" ? "note.delete_all_body" : "note.delete_body")}
          label={words.t("schedule.delete")}
          testid="note-delete-confirm"
          onConfirm={() => act(ending.what === "all" ? notes.removeAll() : notes.remove(ending.note.number))}
          onClose={() => setEnding(null)}
        />
      )}
    </PageFrame>
  );
}

function Note({ note, onEdit, onDelete }: { note: NoteEntry; onEdit: () => void; onDelete: () => void }) {
  const words = useWords();
  const agent = useAgentName(note.agent ?? "");
  const name = words.t("note.name", { n: note.number });
  return (
    <div className="flex items-start gap-2">
      <div className="min-w-0 flex-1">
        <p className="text-[0.9375rem] whitespace-pre-wrap [overflow-wrap:anywhere]" data-testid="note-text">
          {note.text}
        </p>
        <p className="mt-1 flex flex-wrap gap-x-2 text-[0.8125rem] text-ink-3">
          <span>{words.fullDate(note.created_at)}</span>
          {note.agent !== null && <span>{agent}</span>}
          {note.conversation !== null && (
            <ConversationLink id={note.conversation} testid="note-open">
              {note.title || words.t("list.untitled")}
            </ConversationLink>
          )}
        </p>
      </div>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("note.edit", { name })}
        data-testid="note-edit"
        onClick={onEdit}
      >
        <Pencil size={15} />
      </button>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("note.delete", { name })}
        data-testid="note-delete"
        onClick={onDelete}
      >
        <Trash2 size={15} />
      </button>
    </div>
  );
}
