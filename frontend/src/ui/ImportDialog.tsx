import { FileUp, LoaderCircle } from "lucide-react";
import { useRef, useState } from "react";
import { type Begun, HttpError } from "../sync";
import { useClient, useSetup } from "./client";
import { useWords, type Words } from "./i18n";
import { Dialog } from "./parts/Dialog";
import { navigate } from "./route";
import { codeOf } from "./useCopying";

type State =
  | { step: "choosing" }
  | { step: "sending"; name: string; progress: number }
  | { step: "failed"; name: string; text: string; detail: string }
  | { step: "done"; begun: Begun };

/** Takes in the file of an exported conversation, and opens what became of it. */
export default function ImportDialog({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const { copies } = useClient();
  const { boot } = useSetup();
  const field = useRef<HTMLInputElement>(null);
  const [state, setState] = useState<State>({ step: "choosing" });
  const sending = state.step === "sending";

  const open = (id: string) => {
    onClose();
    // After the dialog has given the focus back.
    setTimeout(() => navigate(id));
  };
  const send = async (file: File) => {
    const { name } = file;
    setState({ step: "sending", name, progress: 0 });
    try {
      const begun = await copies.bringIn(file, (progress) =>
        setState((now) => (now.step === "sending" ? { ...now, progress } : now)),
      );
      if (begun.missing.length > 0 || begun.closed) setState({ step: "done", begun });
      else open(begun.id);
    } catch (failure) {
      setState({ step: "failed", name, ...why(failure, words, boot.max_import) });
    }
  };

  return (
    <Dialog
      title={words.t("import.title")}
      testid="import-dialog"
      onClose={() => {
        if (!sending) onClose();
      }}
    >
      <div data-testid="import-state" data-step={state.step}>
        {state.step === "done" ? (
          <Done begun={state.begun} />
        ) : (
          <p className="text-sm text-ink-2">{words.t("import.body")}</p>
        )}
        {sending && (
          <p className="mt-3 flex items-center gap-2 text-sm" role="status">
            <LoaderCircle size={15} className="spin flex-none" aria-hidden="true" />
            <span className="min-w-0 truncate">{state.name}</span>
            <span className="flex-none text-ink-2">
              {state.progress < 1
                ? words.t("composer.file_uploading", { n: Math.floor(state.progress * 100) })
                : words.t("import.reading")}
            </span>
          </p>
        )}
        {state.step === "failed" && (
          <div
            className="mt-3 rounded-xl border border-danger/25 bg-danger-soft px-3.5 py-2.5 text-sm"
            role="alert"
            data-testid="import-problem"
          >
            <p className="font-medium [overflow-wrap:anywhere]">{state.name}</p>
            <p className="mt-0.5">{state.text}</p>
            {state.detail && <p className="mt-0.5 text-xs text-ink-2">{state.detail}</p>}
          </div>
        )}
      </div>
      <input
        ref={field}
        type="file"
        accept=".json,application/json"
        hidden
        data-testid="import-file"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = ""; // the same file may be chosen again
          if (file) void send(file);
        }}
      />
      <div className="mt-5 flex justify-end gap-2">
        {state.step === "done" ? (
          <button
            type="button"
            className="button primary"
            data-testid="import-open"
            onClick={() => open(state.begun.id)}
          >
            {words.t("import.open")}
          </button>
        ) : (
          <>
            <button
              type="button"
              className="button"
              disabled={sending}
              data-testid="dialog-cancel"
              onClick={onClose}
            >
              {words.t("dialog.cancel")}
            </button>
            <button
              type="button"
              className="button primary"
              disabled={sending}
              data-testid="import-choose"
              onClick={() => field.current?.click()}
            >
              <FileUp size={15} aria-hidden="true" />
              {words.t(state.step === "failed" ? "import.choose_other" : "import.choose")}
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}

/** What the new conversation lacks, or is not as it was. */
function Done({ begun }: { begun: Begun }) {
  const words = useWords();
  return (
    <div className="space-y-2 text-sm text-ink-2" role="status">
      <p>{words.t("import.done")}</p>
      {begun.closed && <p>{words.t("import.closed")}</p>}
      {begun.missing.length > 0 && (
        <>
          <p>{words.t("import.missing")}</p>
          <ul className="list-disc pl-5 [overflow-wrap:anywhere]" data-testid="import-missing">
            {begun.missing.map((name, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two files may have the same name.
              <li key={place}>{name}</li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** Why a file was not taken in, for people; the server's own words where ours do not say it all. */
function why(failure: unknown, words: Words, most: number): { text: string; detail: string } {
  const told = failure instanceof HttpError ? codeOf(failure) : "";
  // A proxy takes less than the server would, and does not say how much.
  const proxy = failure instanceof HttpError && failure.problem.status === 413 && told !== "too_large";
  const code = proxy ? "proxy" : told;
  const text = words.code("import_failed", code, words.t("import_failed.server"));
  const detail = failure instanceof HttpError && code === "bad_import" ? failure.problem.detail : "";
  return { text: text.replace("{n}", words.fileSize(most)), detail };
}
