import { CircleAlert, CircleStop, Info, MessageSquareText } from "lucide-react";
import { memo } from "react";
import type { AgentItem, ForkView, NoteItem, NoticeItem } from "../../sync";
import { GoOnElsewhere } from "../AgentGone";
import { useAgentName, useOrigin, useSetup } from "../client";
import type { Words } from "../i18n";
import { useWords } from "../i18n";
import { LeftOut } from "./LeftOut";
import { TryAgain } from "./TryAgain";
import { Ways } from "./Ways";

/** Something that was told to the conversation from elsewhere; nobody has to answer it. */
export const NoteRow = memo(function NoteRow(props: {
  conversation: string;
  item: NoteItem;
  fork?: ForkView | null;
}) {
  const { conversation, item } = props;
  const words = useWords();
  const entrance = useOrigin(item.origin);
  return (
    <div className="flex gap-2.5 py-3 text-sm text-ink-2 md:pl-11" data-testid="note" data-seq={item.seq}>
      <MessageSquareText size={16} className="mt-0.5 flex-none" aria-hidden="true" />
      <div className="min-w-0">
        <span className="text-xs text-ink-3" title={words.fullDate(item.at)}>
          {words.t("message.from", { entrance })}
        </span>
        {props.fork && <Ways conversation={conversation} fork={props.fork} />}
        <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{item.text}</p>
        {item.left_out && (
          <LeftOut conversation={conversation} id={item.id} mark={item.left_out} names={[]} />
        )}
      </div>
    </div>
  );
});

/** That another agent answers from here on. */
export const AgentRow = memo(function AgentRow({ item }: { item: AgentItem }) {
  const words = useWords();
  const { boot } = useSetup();
  const agent = useAgentName(item.agent);
  const other = item.by !== "" && item.by !== boot.user;
  return (
    <div
      className="flex items-center gap-3 py-3 text-xs text-ink-2"
      title={words.fullDate(item.at)}
      data-testid="agent-changed"
      data-agent={item.agent}
      data-seq={item.seq}
    >
      <span className="h-px flex-1 bg-line" aria-hidden="true" />
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {other ? words.t("agent.changed_by", { agent, name: item.by }) : words.t("agent.changed", { agent })}
      </span>
      <span className="h-px flex-1 bg-line" aria-hidden="true" />
    </div>
  );
});

/** Codes of runs that came to an end, if not to an answer. */
const LIMITS = /^limit_|^no_answer$/;

/** Why a run ended, in the reader's words. */
function noticeText(item: Pick<NoticeItem, "code" | "detail">, words: Words, user: string): string {
  if (item.code !== "stopped") return words.code("code", item.code, item.code);
  if (item.detail === "" || item.detail === user) return words.t("code.stopped");
  return words.t("code.stopped_by", { name: item.detail });
}

export const NoticeRow = memo(function NoticeRow(props: {
  conversation: string;
  agent?: string | undefined;
  item: NoticeItem;
  fork?: ForkView | null;
  again?: boolean;
}) {
  const { conversation, agent, item, fork = null, again = false } = props;
  const words = useWords();
  const { boot } = useSetup();
  const kind = item.code === "stopped" ? "stopped" : LIMITS.test(item.code) ? "limit" : "failed";
  const Icon = { stopped: CircleStop, limit: Info, failed: CircleAlert }[kind];
  const look = {
    stopped: "text-ink-2",
    limit: "rounded-xl border border-warn-line bg-warn-soft px-3.5 py-2.5 text-ink",
    failed: "rounded-xl border border-danger/25 bg-danger-soft px-3.5 py-2.5 text-ink",
  }[kind];
  const tint = { stopped: "text-ink-3", limit: "text-warn", failed: "text-danger" }[kind];
  return (
    <div className="py-2.5 md:pl-11" data-testid="notice" data-seq={item.seq} data-code={item.code}>
      <div className={`flex items-start gap-2 text-sm ${look}`} title={words.fullDate(item.at)}>
        <Icon size={16} className={`mt-0.5 flex-none ${tint}`} aria-hidden="true" />
        <div className="min-w-0">
          {noticeText(item, words, boot.user)}
          {fork && <Ways conversation={conversation} fork={fork} />}
          {item.code === "agent_missing" && (
            <div className="mt-1.5">
              <GoOnElsewhere conversation={conversation} />
            </div>
          )}
          {kind !== "stopped" && item.detail && item.code !== "agent_missing" && (
            <p className="mt-0.5 text-xs text-ink-2 [overflow-wrap:anywhere]">{item.detail}</p>
          )}
          {again && (
            <div className="-ml-1.5">
              <TryAgain conversation={conversation} item={item.id} agent={agent} />
            </div>
          )}
        </div>
      </div>
    </div>
  );
});
