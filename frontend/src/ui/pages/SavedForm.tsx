import type { ReactNode } from "react";
import { useWords } from "../i18n";
import type { Saving } from "./useSaving";

interface Props {
  /** Begins the names by which tests find things. */
  kind: "schedule" | "trigger";
  saving: Saving;
  /** What the button that saves is called. */
  label: string;
  ask: () => Promise<void>;
  onCancel: () => void;
  children: ReactNode;
}

/** A form that fills a page: its fields, and below them what is wrong and the two ways out. */
export function SavedForm({ kind, saving, label, ask, onCancel, children }: Props) {
  const words = useWords();
  return (
    <form
      ref={saving.form}
      className="flex flex-col"
      data-testid={`${kind}-form`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        saving.save(ask);
      }}
    >
      <div className="flex flex-1 flex-col gap-4 pb-4">{children}</div>
      <div className="sticky bottom-0 flex flex-none flex-wrap items-center justify-end gap-2 border-t border-line bg-ground py-3">
        {saving.failed && (
          <p role="alert" className="min-w-0 flex-1 text-sm text-danger" data-testid={`${kind}-failed`}>
            {saving.failed}
          </p>
        )}
        <button type="button" className="button" data-testid={`${kind}-cancel`} onClick={onCancel}>
          {words.t("dialog.cancel")}
        </button>
        <button
          type="submit"
          className="button primary"
          disabled={saving.saving}
          data-testid={`${kind}-save`}
        >
          {label}
        </button>
      </div>
    </form>
  );
}
