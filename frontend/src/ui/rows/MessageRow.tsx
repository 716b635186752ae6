import { CircleAlert, Clock3, LoaderCircle, RotateCcw, Trash2 } from "lucide-react";
import { memo } from "react";
import type { AttachmentRef, MessageItem, PendingMessage } from "../../sync";
import { GoOnElsewhere } from "../AgentGone";
import { useClient, useConnection, useOrigin } from "../client";
import { useWords } from "../i18n";
import { CopyButton } from "../parts/CopyButton";
import { Files } from "../parts/Files";
import { LeftOut } from "./LeftOut";
import { Said } from "./Said";

interface BubbleProps {
  id: string;
  seq: number | "";
  text: string;
  at: number;
  status: PendingMessage["state"] | "done";
  waits: boolean;
  files: readonly AttachmentRef[] | undefined;
  mark?: React.ReactNode;
  children?: React.ReactNode;
}

function Bubble({ id, seq, text, at, status, waits, files, mark, children }: BubbleProps) {
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
          <span className="opacity-0 transition-opacity group-hover:opacity-100 group-focus-within:opacity-100 pointer-coarse:hidden">
            <CopyButton text={() => text} label={words.t("message.copy")} done={words.t("message.copied")} />
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
}) {
  const { conversation, item, waits } = props;
  const words = useWords();
  const from = words.t("message.from", { entrance: useOrigin(item.origin) });
  const foot = waits ? (
    <>
      <Clock3 size={13} aria-hidden="true" /> {words.t("message.waits")}
    </>
  ) : (
    item.origin.entrance !== "web" && from
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
      mark={mark && <LeftOut conversation={conversation} id={item.id} mark={mark} names={names} />}
    >
      {foot}
    </Bubble>
  );
});

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
