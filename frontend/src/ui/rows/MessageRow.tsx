import { CircleAlert, Clock3, LoaderCircle, Pencil, RotateCcw, Trash2, Undo2 } from "lucide-react";
import { memo, useCallback, useState } from "react";
import type { AttachmentRef, ForkView, MessageItem, PendingMessage } from "../../sync";
import { GoOnElsewhere } from "../AgentGone";
import { useClient, useConnection, useOrigin } from "../client";
import { useWords } from "../i18n";
import { CopyButton } from "../parts/CopyButton";
import { Files } from "../parts/Files";
import { EditBox } from "./EditBox";
import { LeftOut } from "./LeftOut";
import { MessageMenu } from "./MessageMenu";
import { Said } from "./Said";
import { Ways } from "./Ways";

interface BubbleProps {
  id: string;
  seq: number | "";
  text: string;
  at: number;
  status: PendingMessage["state"] | "done";
  waits: boolean;
  files: readonly AttachmentRef[] | undefined;
  mark?: React.ReactNode;
  /** What can be done with it, beside its text. */
  tools?: React.ReactNode;
  children?: React.ReactNode;
}

function Bubble({ id, seq, text, at, status, waits, files, mark, tools, children }: BubbleProps) {
  const words = useWords();
  const faded = status === "sending" || status === "uploading" || waits ? "opacity-75" : "";
  return (
    <article
      className="group flex flex-col items-end pt-5 pb-1"
      aria-label={words.t("message.you")}
      data-testid="message"
      data-id={id}
      data-seq={seq}
      data-status={status}
      data-waits={waits}
    >
      {files && files.length > 0 && (
        <div className={`max-w-[88%] sm:max-w-[80%] ${faded}`}>
          <Files files={files} pending={status !== "done"} />
        </div>
      )}
      {text !== "" && (
        <div className="flex max-w-[88%] items-end gap-1 sm:max-w-[80%]">
          <span className="flex opacity-0 transition-opacity group-hover:opacity-100 group-focus-within:opacity-100 pointer-coarse:opacity-100">
            {tools}
            <span className="pointer-coarse:hidden">
              <CopyButton
                text={() => text}
                label={words.t("message.copy")}
                done={words.t("message.copied")}
              />
            </span>
          </span>
          <div
            className={`rounded-2xl rounded-br-md bg-bubble px-4 py-2.5 text-[0.9688rem] leading-relaxed [overflow-wrap:anywhere] ${faded}`}
            title={words.fullDate(at)}
          >
            <Said id={id} text={text} />
          </div>
        </div>
      )}
      {mark}
      {children && (
        <div className="mt-1 flex min-h-5 items-center gap-1.5 text-xs text-ink-2">{children}</div>
      )}
    </article>
  );
}

/** A message that is in the transcript. */
export const MessageRow = memo(function MessageRow(props: {
  conversation: string;
  item: MessageItem;
  waits: boolean;
  /** Which of several ways on begins here. */
  fork?: ForkView | null;
  /** Whether it may be said anew. */
  again?: boolean;
  /** Puts the words and files of a message that was taken back where one writes. */
  onTakenBack?: (item: MessageItem) => void;
}) {
  const { conversation, item, waits, onTakenBack } = props;
  const [editing, setEditing] = useState(false);
  const close = useCallback(() => setEditing(false), []);
  const words = useWords();
  const from = words.t("message.from", { entrance: useOrigin(item.origin) });
  const others = item.origin.entrance !== "web" && from;
  const fork = props.fork ?? null;
  const foot = (waits || others || item.edited || fork) && (
    <>
      {fork && <Ways conversation={conversation} fork={fork} />}
      {waits && <Waiting conversation={conversation} item={item} {...{ onTakenBack, setEditing }} />}
      {!waits && others}
      {item.edited && <Edited edited={item.edited} />}
    </>
  );
  if (editing) {
    return <EditBox conversation={conversation} item={item} answers={!waits} onClose={close} />;
  }
  const edit = props.again && (
    <button
      type="button"
      className="grid size-7 place-items-center rounded-md text-ink-3 hover:bg-hover hover:text-ink"
      aria-label={words.t("message.edit")}
      title={words.t("message.edit")}
      data-testid="message-edit"
      onClick={() => setEditing(true)}
    >
      <Pencil size={14} aria-hidden="true" />
    </button>
  );
  const mark = item.left_out ?? null;
  const files = (item.attachments ?? []).filter((file) => mark?.files.includes(file.id));
  const names = files.map((file) => file.name);
  return (
    <Bubble
      id={item.id}
      seq={item.seq}
      text={item.text}
      at={item.at}
      status="done"
      waits={waits}
      files={item.attachments}
      tools={
        <>
          <MessageMenu conversation={conversation} item={item.id} />
          {edit}
        </>
      }
      mark={mark && <LeftOut conversation={conversation} id={item.id} mark={mark} names={names} />}
    >
      {foot}
    </Bubble>
  );
});

/** What can be done with a message that waits behind a run. */
function Waiting(props: {
  conversation: string;
  item: MessageItem;
  onTakenBack: ((item: MessageItem) => void) | undefined;
  setEditing: (editing: boolean) => void;
}) {
  const { conversation, item } = props;
  const words = useWords();
  const client = useClient();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const withdraw = async () => {
    setBusy(true);
    const outcome = await client.withdraw(conversation, item.id);
    setBusy(false);
    if (outcome.status === "applied") props.onTakenBack?.(item);
    else setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  return (
    <>
      <Clock3 size={13} aria-hidden="true" /> {words.t("message.waits")}
      <button
        type="button"
        className="button small"
        disabled={busy}
        data-testid="message-edit"
        onClick={() => props.setEditing(true)}
      >
        <Pencil size={13} aria-hidden="true" /> {words.t("message.edit")}
      </button>
      <button
        type="button"
        className="button small"
        disabled={busy}
        data-testid="message-withdraw"
        onClick={() => void withdraw()}
      >
        <Undo2 size={13} aria-hidden="true" /> {words.t("message.withdraw")}
      </button>
      {problem && (
        <span className="text-danger" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}

/** That the message once said something else, and what. */
function Edited({ edited }: { edited: NonNullable<MessageItem["edited"]> }) {
  const words = useWords();
  return (
    <span
      data-testid="message-edited"
      title={words.t("message.edited_from", { text: edited.text.slice(0, 300) })}
    >
      {words.t("message.edited")}
    </span>
  );
}

/** A message that is still in the outbox, with what became of it. */
export const PendingRow = memo(function PendingRow(props: { conversation: string; message: PendingMessage }) {
  const { conversation, message } = props;
  const client = useClient();
  const words = useWords();
  const online = useConnection().status === "open";
  const unsendable = message.code === "attachment_lost" || message.code === "attachment_refused";
  // Without its files there may be nothing left to send.
  const retriable = !unsendable || message.text !== "" || (message.attachments?.length ?? 0) > 1;
  return (
    <Bubble
      id={message.id}
      seq=""
      text={message.text}
      at={message.at}
      status={message.state}
      waits={false}
      files={message.attachments}
    >
      {message.state === "sending" && (
        <>
          <LoaderCircle size={13} className="spin" aria-hidden="true" />
          {words.t(online ? "message.sending" : "message.offline")}
        </>
      )}
      {message.state === "uploading" && (
        <>
          <LoaderCircle size={13} className="spin" aria-hidden="true" />
          {words.t(online ? "message.uploading" : "message.upload_offline")}
        </>
      )}
      {message.state === "failed" && (
        <div className="flex flex-col items-end gap-1.5 sm:flex-row sm:items-center">
          <span className="flex items-center gap-1.5 text-danger">
            <CircleAlert size={14} className="flex-none" aria-hidden="true" />
            {words.t("message.failed")}
            {message.code && `: ${words.code("reject", message.code, words.t("reject.unavailable"))}`}
          </span>
          <span className="flex gap-1.5">
            {message.code === "agent_missing" && (
              <GoOnElsewhere conversation={conversation} text={message.text} />
            )}
            {retriable && (
              <button
                type="button"
                className="button small"
                data-testid="message-retry"
                onClick={() => client.retry(conversation, message.id)}
              >
                <RotateCcw size={13} aria-hidden="true" />{" "}
                {words.t(unsendable ? "message.without" : "message.retry")}
              </button>
            )}
            <button
              type="button"
              className="button small"
              data-testid="message-discard"
              onClick={() => client.discard(conversation, message.id)}
            >
              <Trash2 size={13} aria-hidden="true" /> {words.t("message.discard")}
            </button>
          </span>
        </div>
      )}
    </Bubble>
  );
});
