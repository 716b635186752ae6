import { ArrowUp, Paperclip, Square } from "lucide-react";
import {
  type ClipboardEvent,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { type Draft, isBlank, SyncRefusal } from "../sync";
import { ComposerFiles } from "./ComposerFiles";
import { useWords } from "./i18n";
import { useAttaching } from "./useAttaching";

/** A pasted text of more characters than this is attached: it would hide what is written beside it. */
const LONG_PASTE = 8_000;

/** The count is shown when no more than this share of the limit is left. */
const NEAR_LIMIT = 0.1;

export interface ComposerHandle {
  focus: () => void;
}

interface Props {
  /** Puts the text into the outbox, or throws `SyncRefusal`: then it stays in the field. */
  onSend: (text: string, attachments: readonly string[]) => void;
  onStop: () => void;
  running: boolean;
  stopping: boolean;
  placeholder: string;
  /** Longest text, in characters as the server counts them (code points). */
  limit: number;
  /** What was written before, and who keeps what is written now. */
  draft: Draft;
  onDraft: (draft: Draft) => void;
  disabled?: boolean;
  /** What its hooks for tests begin with: `composer` writes a new message, `edit` changes one. */
  name?: "composer" | "edit";
  /** What the button that sends does, where that is not to send a message. */
  sendLabel?: string;
  /** What was handed on stays in the field: whoever has it closes the field once it has arrived. */
  keeps?: boolean;
  /** What stands at the left of the foot, beside the buttons. */
  children?: ReactNode;
  ref?: Ref<ComposerHandle>;
}

/** Where a person writes. It is cleared only when the message is in the outbox. */
export function Composer(props: Props) {
  const words = useWords();
  const [text, setText] = useState(props.draft.text);
  const [problem, setProblem] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const name = props.name ?? "composer";
  const hook = (what: string) => (name === "composer" ? what : `${name}-${what}`);
  useImperativeHandle(props.ref, () => ({ focus: () => area.current?.focus() }), []);
  useAutosize(area, text);
  const draft = useRef(props.draft);
  const keep = (change: Partial<Draft>) => {
    draft.current = { ...draft.current, ...change };
    props.onDraft(draft.current);
  };
  const attaching = useAttaching(props.draft.files, (files) => keep({ files }), props.disabled);
  const picker = useRef<HTMLInputElement>(null);

  const length = codePoints(text.trim());
  const left = props.limit - length;
  const blank = isBlank(text) && attaching.files.length === 0;

  const change = (next: string) => {
    setText(next);
    setProblem("");
    keep({ text: next });
  };

  const send = () => {
    if (blank || left < 0 || props.disabled) return;
    if (attaching.failed) {
      setProblem(words.t("composer.file_failed"));
      return;
    }
    try {
      props.onSend(
        text.trim(),
        attaching.files.map(({ id }) => id),
      );
    } catch (error) {
      setProblem(
        error instanceof SyncRefusal
          ? words.code("refused", error.code, words.t("composer.not_kept"))
          : words.t("composer.not_kept"),
      );
      return;
    }
    if (props.keeps) return;
    change("");
    attaching.clear();
  };

  const onPaste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData("text/plain");
    const size = codePoints(pasted);
    if (!isBlank(pasted) && (size > LONG_PASTE || size > left)) {
      event.preventDefault();
      setProblem("");
      attaching.addText(pasted);
    } else {
      attaching.onPaste(event);
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const page = event.key === "PageUp" ? -1 : event.key === "PageDown" ? 1 : 0;
    // Where the field itself has nothing to scroll, the key is meant for what is read above it.
    if (page !== 0 && area.current && area.current.scrollHeight <= area.current.clientHeight + 1) {
      if (scrollTranscript(event.key, page)) event.preventDefault();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    // While an input method composes, Enter chooses a candidate; Safari reports that Enter only as 229.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      className={`relative rounded-2xl border bg-raised shadow-soft transition-colors focus-within:border-accent ${attaching.over ? "border-accent" : "border-line-strong"}`}
      data-testid={name}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {attaching.over && (
        <p className="pointer-events-none absolute inset-0 z-10 grid place-items-center rounded-2xl bg-raised/95 text-sm font-medium text-accent">
          {words.t("composer.drop")}
        </p>
      )}
      <ComposerFiles
        files={attaching.files}
        onRemove={(file) => {
          setProblem("");
          attaching.remove(file);
        }}
      />
      <label htmlFor={id} className="sr-only">
        {words.t("composer.label")}
      </label>
      <textarea
        ref={area}
        id={id}
        rows={1}
        className="block max-h-[40dvh] w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-[0.9688rem] leading-relaxed placeholder:text-ink-3 focus-visible:outline-none"
        placeholder={props.placeholder}
        value={text}
        disabled={props.disabled}
        enterKeyHint="send"
        autoComplete="off"
        aria-describedby={`${id}-hint`}
        data-testid={`${name}-input`}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div className="flex min-h-11 items-center gap-2 px-2.5 pb-2">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          tabIndex={-1}
          aria-label={words.t("composer.attach")}
          data-testid={hook("file-input")}
          onChange={(event) => {
            attaching.add(event.target.files ?? []);
            // Or the same file could not be chosen again.
            event.target.value = "";
          }}
        />
        <button
          type="button"
          className="grid size-9 flex-none place-items-center rounded-full text-ink-2 hover:bg-hover hover:text-ink disabled:opacity-50"
          disabled={props.disabled}
          aria-label={words.t("composer.attach")}
          title={words.t("composer.attach")}
          data-testid={hook("attach")}
          onClick={() => picker.current?.click()}
        >
          <Paperclip size={18} aria-hidden="true" />
        </button>
        <div className="flex min-w-0 flex-1 items-center gap-2 text-xs text-ink-2">{props.children}</div>
        <span id={`${id}-hint`} className="sr-only">
          {words.t("composer.hint")}
        </span>
        {left <= props.limit * NEAR_LIMIT && (
          <span className={`text-xs ${left < 0 ? "text-danger" : "text-ink-2"}`} data-testid="composer-count">
            {words.t(left < 0 ? "composer.too_long" : "composer.left", { n: words.count(Math.abs(left)) })}
          </span>
        )}
        {left < 0 && !props.disabled && (
          <button
            type="button"
            className="button small flex-none"
            data-testid="attach-text"
            onClick={() => {
              attaching.addText(text);
              setText("");
              setProblem("");
              // The files were written into the draft a line above; only the text leaves it.
              keep({ text: "" });
              area.current?.focus();
            }}
          >
            {words.t("composer.attach_text")}
          </button>
        )}
        {props.running && (
          <button
            type="button"
            className="button small h-9 rounded-full!"
            disabled={props.stopping}
            aria-label={words.t("composer.stop_label")}
            data-testid="stop"
            onClick={props.onStop}
          >
            <Square size={11} fill="currentColor" aria-hidden="true" />
            {words.t(props.stopping ? "composer.stopping" : "composer.stop")}
          </button>
        )}
        <button
          type="submit"
          className="grid size-9 flex-none place-items-center rounded-full bg-accent text-on-accent transition-opacity hover:bg-accent-strong disabled:bg-hover disabled:text-ink-3"
          disabled={blank || left < 0 || props.disabled}
          aria-label={props.sendLabel ?? words.t("composer.send")}
          title={props.sendLabel}
          data-testid={hook("send")}
        >
          <ArrowUp size={19} strokeWidth={2.25} aria-hidden="true" />
        </button>
      </div>
      {(problem || attaching.problem) && (
        <p className="px-4 pb-3 text-sm text-danger" role="alert">
          {problem || attaching.problem}
        </p>
      )}
    </form>
  );
}

/** Scroll what is read by a page, as its own key would; false when nothing is shown. */
function scrollTranscript(key: string, page: number): boolean {
  const box = document.querySelector<HTMLElement>("[data-testid=transcript]");
  if (box === null) return false;
  // The list takes a movement without a key or a finger for its own, and would follow the end again.
  const left = box.dispatchEvent(
    new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
  // A key that leaves the end has moved it already.
  if (left) box.scrollBy({ top: page * box.clientHeight * 0.9 });
  return true;
}

/** Characters as the server counts them: an emoji is one, not two UTF-16 units. */
function codePoints(text: string): number {
  let n = 0;
  for (const _ of text) n++;
  return n;
}

function useAutosize(area: React.RefObject<HTMLTextAreaElement | null>, text: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text.
  useLayoutEffect(() => {
    const field = area.current;
    if (!field) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }, [area, text]);
}
