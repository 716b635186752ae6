import { useId, useState } from "react";
import { isBlank, type ListEntry } from "../sync";
import { useClient } from "./client";
import { useWords } from "./i18n";
import { Dialog } from "./parts/Dialog";
import { isActiveStatus } from "./view";

/** The longest title the server takes, in characters. */
const MAX_TITLE = 200;

export function RenameDialog({ entry, onClose }: { entry: ListEntry; onClose: () => void }) {
  const client = useClient();
  const words = useWords();
  const id = useId();
  const [title, setTitle] = useState(entry.title);
  const save = () => {
    const next = title.trim();
    if (isBlank(next)) return;
    if (next !== entry.title) void client.rename(entry.id, next);
    onClose();
  };
  return (
    <Dialog title={words.t("rename.title")} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <label htmlFor={id} className="mb-1 block text-xs font-medium text-ink-2">
          {words.t("rename.label")}
        </label>
        <input
          id={id}
          className="field"
          value={title}
          maxLength={MAX_TITLE}
          autoFocus
          onFocus={(event) => event.target.select()}
          data-testid="rename-input"
          onChange={(event) => setTitle(event.target.value)}
        />
        <div className="mt-4 flex justify-end gap-2">
          <button type="button" className="button" data-testid="dialog-cancel" onClick={onClose}>
            {words.t("dialog.cancel")}
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={isBlank(title)}
            data-testid="rename-save"
          >
            {words.t("rename.save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function DeleteDialog(props: {
  entry: ListEntry;
  onClose: () => void;
  onDeleted: (id: string) => void;
}) {
  const { entry, onClose, onDeleted } = props;
  const client = useClient();
  const words = useWords();
  const running = entry.run_status !== null && isActiveStatus(entry.run_status);
  return (
    <Dialog title={words.t("delete.title")} onClose={onClose}>
      <p className="text-sm text-ink-2 [overflow-wrap:anywhere]">
        {words.t("delete.body", { title: entry.title || words.t("list.untitled") })}
        {running && ` ${words.t("delete.running")}`}
      </p>
      <div className="mt-5 flex justify-end gap-2">
        <button type="button" className="button" data-testid="dialog-cancel" onClick={onClose}>
          {words.t("dialog.cancel")}
        </button>
        <button
          type="button"
          className="button danger"
          data-testid="delete-confirm"
          onClick={() => {
            void client.remove(entry.id);
            onDeleted(entry.id);
            onClose();
          }}
        >
          {words.t("delete.confirm")}
        </button>
      </div>
    </Dialog>
  );
}
