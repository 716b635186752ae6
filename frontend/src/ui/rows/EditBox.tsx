import { useEffect, useRef, useState } from "react";
import { type MessageItem, type Outcome, SyncRefusal } from "../../sync";
import { Composer, type ComposerHandle } from "../Composer";
import { useClient, useSetup } from "../client";
import { useWords } from "../i18n";

interface Props {
  conversation: string;
  item: MessageItem;
  /** Whether the model has read it: it can then be answered anew, on a branch of its own. */
  answers?: boolean;
  onClose: () => void;
}

/** A message that is being changed: the composer with its text and its files. It closes when the server has the change. */
export function EditBox({ conversation, item, answers = false, onClose }: Props) {
  const words = useWords();
  const client = useClient();
  const { boot } = useSetup();
  const field = useRef<ComposerHandle>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const files = item.attachments ?? [];
  const draft = useRef({ text: item.text, files: files.map(({ id }) => id) });
  useState(() => client.restore(files));
  useEffect(() => field.current?.focus(), []);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      // While an input method composes, Escape ends that; Safari reports it only as 229.
      if (event.key !== "Escape" || event.isComposing || event.keyCode === 229) return;
      event.stopPropagation();
      onClose();
    };
    const held = box.current;
    held?.addEventListener("keydown", pressed);
    return () => held?.removeEventListener("keydown", pressed);
  }, [onClose]);

  const settle = async (sending: Promise<Outcome>) => {
    setBusy(true);
    setProblem("");
    const outcome = await sending;
    setBusy(false);
    if (outcome.status === "applied") onClose();
    else setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  const save = (text: string, attached: readonly string[]) => {
    void settle(client.edit(conversation, item.id, text, attached));
  };
  const answer = (text: string, attached: readonly string[]) => {
    void settle(client.rewrite(conversation, item.id, text, attached));
  };
  const only = () => {
    const { text, files: attached } = draft.current;
    try {
      save(text.trim(), attached);
    } catch (error) {
      const code = error instanceof SyncRefusal ? error.code : "";
      setProblem(words.code("refused", code, words.t("composer.not_kept")));
    }
  };

  return (
    <div ref={box} className="w-full pt-5 pb-1" data-testid="edit-box" data-id={item.id}>
      <Composer
        ref={field}
        name="edit"
        keeps
        onSend={answers ? answer : save}
        onStop={() => {}}
        running={false}
        stopping={false}
        placeholder={words.t("composer.label")}
        sendLabel={words.t(answers ? "message.save_answer" : "message.save")}
        limit={boot.max_text}
        draft={draft.current}
        onDraft={(next) => {
          draft.current = { text: next.text, files: [...next.files] };
        }}
        disabled={busy}
      >
        <button
          type="button"
          className="button small"
          disabled={busy}
          data-testid="edit-cancel"
          onClick={onClose}
        >
          {words.t("dialog.cancel")}
        </button>
        {answers && (
          <button
            type="button"
            className="button small"
            disabled={busy}
            data-testid="edit-save"
            onClick={only}
          >
            {words.t("message.save_only")}
          </button>
        )}
      </Composer>
      {problem && (
        <p className="px-1 pt-1 text-sm text-danger" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
