import { LoaderCircle } from "lucide-react";
import { type RefObject, useCallback, useEffect, useState } from "react";
import type { ConversationView, ListEntry, MessageItem } from "../sync";
import { AgentGone } from "./AgentGone";
import { Announcer } from "./Announcer";
import { useBanner } from "./Banner";
import { Composer, type ComposerHandle } from "./Composer";
import { useAgentName, useClient, useConversation, useSetup } from "./client";
import { FindBar } from "./FindBar";
import { Header } from "./Header";
import { useWords } from "./i18n";
import { preloadMarkdown } from "./parts/LazyMarkdown";
import { RunStatus } from "./RunStatus";
import { navigate } from "./route";
import { Transcript } from "./Transcript";
import { OfferCallBack } from "./useCallBack";
import { isActive, waitingMessages } from "./view";
import { WaitingLine } from "./WaitingLine";

interface Props {
  id: string;
  composer: RefObject<ComposerHandle | null>;
  onStop: (view: ConversationView) => void;
  header: React.ComponentProps<typeof Header>["controls"];
  /** Whether something is being looked for in it. */
  finding: boolean;
  onFound: () => void;
}

/** One conversation, live. */
export function ConversationPage({ id, composer, onStop, header, finding, onFound }: Props) {
  const client = useClient();
  const words = useWords();
  const { boot, agents } = useSetup();
  const view = useConversation(id);
  const agent = view.info?.agent;
  const name = useAgentName(agent);
  const banner = useBanner().status;
  const offline = banner === "offline" || banner === "connecting";
  const send = useCallback(
    (text: string, files: readonly string[]) => void client.send(id, text, files),
    [client, id],
  );
  useEffect(preloadMarkdown, []);
  const active = isActive(view.run);
  // What was taken back goes before what is being written; the field is made anew with both.
  const [taken, setTaken] = useState(0);
  const takenBack = useCallback(
    (...items: readonly MessageItem[]) => {
      const { text, files } = client.drafts.get(id);
      const refs = items.flatMap((item) => item.attachments ?? []);
      client.restore(refs);
      const texts = [...items.map((item) => item.text), text].filter((each) => each.trim() !== "");
      const ids = new Set([...refs.map((file) => file.id), ...files]);
      client.drafts.set(id, { text: texts.join("\n\n"), files: [...ids] });
      setTaken((n) => n + 1);
    },
    [client, id],
  );
  useEffect(() => {
    if (taken > 0) composer.current?.focus();
  }, [taken, composer]);
  const waiting = waitingMessages(view);
  const off = agent !== undefined && agent !== "" && !agents.some(({ slug }) => slug === agent);
  const placeholder = offline
    ? "composer.placeholder_offline"
    : active
      ? "composer.placeholder_running"
      : "composer.placeholder";

  return (
    <>
      <Header
        controls={header}
        conversation={id}
        title={view.info?.title}
        agent={agent}
        own={entryOf(view)}
        run={view.run}
        usage={view.info?.usage}
      />
      {finding && view.phase === "live" && <FindBar view={view} onClose={onFound} />}
      <Announcer view={view} agent={name} disconnected={offline} />
      {view.phase === "gone" ? (
        <Gone />
      ) : (
        <>
          {view.phase === "opening" ? (
            <Opening view={view} />
          ) : (
            <Transcript view={view} agent={agent} onTakenBack={takenBack} />
          )}
          <div className="safe-bottom mx-auto w-full max-w-3xl flex-none px-3 pb-3 md:px-6 md:pb-4">
            <WaitingLine view={view} waiting={waiting} onTakenBack={takenBack} />
            <RunStatus view={view} />
            {off && <AgentGone conversation={id} agent={agent} name={name} busy={active} />}
            <Composer
              key={taken}
              ref={composer}
              onSend={send}
              onStop={() => onStop(view)}
              running={active}
              stopping={view.stopping}
              placeholder={words.t(placeholder, { agent: name })}
              limit={boot.max_text}
              draft={client.drafts.get(id)}
              onDraft={(draft) => client.drafts.set(id, draft)}
            >
              <OfferCallBack view={view} />
            </Composer>
          </div>
        </>
      )}
    </>
  );
}

/** The conversation as the list would have it. */
function entryOf({ id, info, run, phase }: ConversationView): ListEntry | null {
  if (info === null || phase !== "live") return null;
  const { title, agent, created_at } = info;
  const updated_at = run?.since ?? created_at;
  const run_status = run?.status ?? null;
  // The list does not have it, so it is not pinned; whether it was put away is not known here.
  const marks = { pinned: false, archived: false, pending: false };
  return { id, title, agent, created_at, updated_at, run_status, ...marks };
}

function Opening({ view }: { view: ConversationView }) {
  const words = useWords();
  return (
    <div
      className="grid min-h-0 flex-1 place-items-center text-sm text-ink-2"
      data-testid="transcript"
      data-conversation={view.id}
      data-phase={view.phase}
      data-synced={view.synced}
      data-seq={0}
      data-older={view.older}
      data-items={0}
    >
      <span className="flex items-center gap-2">
        <LoaderCircle size={16} className="spin" aria-hidden="true" /> {words.t("log.loading")}
      </span>
    </div>
  );
}

function Gone() {
  const words = useWords();
  return (
    <div className="grid min-h-0 flex-1 place-items-center px-6 text-center" data-testid="gone">
      <div>
        <p className="font-medium">{words.t("log.gone")}</p>
        <p className="mt-1 text-sm text-ink-2">{words.t("log.gone_hint")}</p>
        <button type="button" className="button mt-4" onClick={() => navigate(null)}>
          {words.t("list.new")}
        </button>
      </div>
    </div>
  );
}
