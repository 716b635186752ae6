import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { HttpError } from "../sync";
import { useClient } from "./client";
import { useWords } from "./i18n";
import { Dialog } from "./parts/Dialog";
import { navigate } from "./route";

interface Copying {
  /** Copy a conversation up to an item, or all that is shown of it, and go to the copy. */
  copy: (conversation: string, item?: string) => void;
  /** One is being made. */
  busy: boolean;
}

const CopyingContext = createContext<Copying>({ copy: () => {}, busy: false });

/** Makes copies for whoever is below, and says so when one could not be made. */
export function CopyingProvider({ children }: { children: ReactNode }) {
  const { copies } = useClient();
  const words = useWords();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const copy = useCallback(
    (conversation: string, item?: string) => {
      setBusy(true);
      copies
        .copy(conversation, item)
        .then(({ id }) => navigate(id))
        .catch((failure: unknown) => setProblem(failure instanceof HttpError ? codeOf(failure) : ""))
        .finally(() => setBusy(false));
    },
    [copies],
  );
  const copying = useMemo(() => ({ copy, busy }), [copy, busy]);
  const close = () => setProblem(null);
  return (
    <CopyingContext value={copying}>
      {children}
      {problem !== null && (
        <Dialog title={words.t("copy.failed")} testid="copy-failed" onClose={close}>
          <p className="text-sm text-ink-2" role="alert">
            {words.code("copy_failed", problem, words.t("copy_failed.server"))}
          </p>
          <div className="mt-5 flex justify-end">
            <button type="button" className="button" data-testid="dialog-cancel" onClick={close}>
              {words.t("dialog.close")}
            </button>
          </div>
        </Dialog>
      )}
    </CopyingContext>
  );
}

export function useCopying(): Copying {
  return useContext(CopyingContext);
}

/** The server's own word for what is wrong, else what kind of problem it is. */
export function codeOf({ problem }: HttpError): string {
  return problem.reason ?? problem.code;
}
