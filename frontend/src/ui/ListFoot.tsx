import { Archive, ArchiveRestore, ArrowLeft, ListChecks, Trash2 } from "lucide-react";
import { useState } from "react";
import { useClient, useList } from "./client";
import { useWords } from "./i18n";
import { Dialog } from "./parts/Dialog";
import { navigate } from "./route";
import { useMarking } from "./useMarking";

interface Props {
  /** The conversations that were chosen; null: none are being chosen. */
  chosen: ReadonlySet<string> | null;
  onChosen: (chosen: ReadonlySet<string> | null) => void;
}

/** Below the list: what was put away, and what can be done with several at once. */
export function ListFoot({ chosen, onChosen }: Props) {
  const client = useClient();
  const words = useWords();
  const { archived, query, conversations } = useList();
  const { mark, problem } = useMarking();
  const [asking, setAsking] = useState(false);
  const ids = [...(chosen ?? [])];
  const end = () => onChosen(null);
  return (
    <div className="flex-none px-3 py-1.5 text-xs" data-testid="list-foot">
      {problem && (
        <p className="px-1 pb-1.5 text-danger" role="alert">
          {problem}
        </p>
      )}
      {chosen === null ? (
        <div className="flex gap-1">
          <button
            type="button"
            className="flex flex-1 items-center gap-1.5 rounded-lg px-1.5 py-1 text-left text-ink-2 hover:bg-hover hover:text-ink"
            data-testid="show-archive"
            aria-pressed={archived}
            onClick={() => client.search(query, !archived)}
          >
            {archived ? <ArrowLeft size={14} aria-hidden="true" /> : <Archive size={14} aria-hidden="true" />}
            {words.t(archived ? "list.leave_archive" : "list.show_archive")}
          </button>
          {conversations.length > 0 && (
            <button
              type="button"
              className="flex items-center gap-1.5 rounded-lg px-1.5 py-1 text-ink-2 hover:bg-hover hover:text-ink"
              data-testid="choose-several"
              onClick={() => onChosen(new Set())}
            >
              <ListChecks size={14} aria-hidden="true" />
              {words.t("list.choose_several")}
            </button>
          )}
        </div>
      ) : (
        <fieldset className="flex min-w-0 flex-wrap items-center gap-1.5">
          <legend className="sr-only">{words.t("list.choose_several")}</legend>
          <span className="flex-1 text-ink-2" role="status">
            {words.t("list.chosen", { n: ids.length })}
          </span>
          <button
            type="button"
            className="button small"
            disabled={ids.length === 0}
            data-testid="bulk-archive"
            onClick={() => {
              mark(ids, { archived: !archived });
              end();
            }}
          >
            {archived ? (
              <ArchiveRestore size={13} aria-hidden="true" />
            ) : (
              <Archive size={13} aria-hidden="true" />
            )}
            {words.t(archived ? "list.unarchive" : "list.archive")}
          </button>
          <button
            type="button"
            className="button small"
            disabled={ids.length === 0}
            data-testid="bulk-delete"
            onClick={() => setAsking(true)}
          >
            <Trash2 size={13} aria-hidden="true" /> {words.t("list.delete")}
          </button>
          <button type="button" className="button small" data-testid="bulk-cancel" onClick={end}>
            {words.t("dialog.cancel")}
          </button>
        </fieldset>
      )}
      {asking && (
        <Dialog title={words.t("list.delete_several", { n: ids.length })} onClose={() => setAsking(false)}>
          <p className="text-sm text-ink-2">{words.t("list.delete_several_body")}</p>
          <div className="mt-5 flex justify-end gap-2">
            <button type="button" className="button" onClick={() => setAsking(false)}>
              {words.t("dialog.cancel")}
            </button>
            <button
              type="button"
              className="button danger"
              data-testid="bulk-delete-confirm"
              onClick={() => {
                for (const id of ids) void client.remove(id);
                if (ids.some((id) => window.location.pathname.endsWith(id))) navigate(null, true);
                setAsking(false);
                end();
              }}
            >
              {words.t("delete.confirm")}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
