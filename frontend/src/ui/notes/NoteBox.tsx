import { useEffect, useRef, useState } from "react";
import type { NoteEntry } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { problemOf, said } from "../pages/trouble";
import { Labelled } from "../parts/Labelled";

/** The longest note that the server takes, in characters. */
const MAX_NOTE_TEXT = 2_000;

/** A note that is being put in other words. */
export function NoteBox(props: { note: NoteEntry; onClose: () => void; onSaved: () => void }) {
  const { note, onClose, onSaved } = props;
  const words = useWords();
  const { notes } = useClient();
  const [text, setText] = useState(note.text);
  const [problem, setProblem] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  // Who asked for it writes at once.
  useEffect(() => box.current?.focus(), []);
  const save = async () => {
    setSaving(true);
    setProblem(null);
    try {
      if (text !== note.text) await notes.change(note.number, text);
      onSaved();
    } catch (failure) {
      const found = problemOf(failure);
      setProblem(found.fields?.text?.detail ?? said(found, words));
      setSaving(false);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!saving) void save();
      }}
    >
      <Labelled label={words.t("note.name", { n: note.number })} problem={problem}>
        {(field) => (
          <textarea
            {...field}
            className="field min-h-20 resize-y"
            value={text}
            maxLength={MAX_NOTE_TEXT}
            ref={box}
            data-testid="note-input"
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Escape" || event.nativeEvent.isComposing || event.keyCode === 229) return;
              event.preventDefault();
              onClose();
            }}
          />
        )}
      </Labelled>
      <div className="mt-2 flex justify-end gap-2">
        <button type="button" className="button small" data-testid="note-cancel" onClick={onClose}>
          {words.t("dialog.cancel")}
        </button>
        <button type="submit" className="button primary small" disabled={saving} data-testid="note-save">
          {words.t("schedule.save")}
        </button>
      </div>
    </form>
  );
}
