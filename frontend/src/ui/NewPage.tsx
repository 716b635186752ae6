import { type Ref, useState } from "react";
import { AgentChoice } from "./AgentChoice";
import { Announcer } from "./Announcer";
import { useBanner } from "./Banner";
import { Composer, type ComposerHandle } from "./Composer";
import { useClient, useSetup } from "./client";
import { EmptyState } from "./EmptyState";
import { Header } from "./Header";
import { useWords } from "./i18n";
import { preference } from "./preferences";
import { navigate } from "./route";

/** A conversation that is about to begin: whom to talk to, and what to try. */
export function NewPage(props: {
  composer: Ref<ComposerHandle>;
  header: React.ComponentProps<typeof Header>["controls"];
}) {
  const client = useClient();
  const words = useWords();
  const { boot, agents } = useSetup();
  const [chosen, setChosen] = useState(() => preference.read("agent") ?? "");
  const agent = agents.find((each) => each.slug === chosen) ?? agents[0];
  const banner = useBanner().status;
  const offline = banner === "offline" || banner === "connecting";
  const begin = (text: string, files: readonly string[] = []) => {
    const { conversation } = client.newConversation(agent?.slug ?? "", text, files);
    navigate(conversation);
  };
  const choose = (slug: string) => {
    preference.write("agent", slug);
    setChosen(slug);
  };
  return (
    <>
      <Header controls={props.header} conversation={null} title={undefined} agent={agent?.slug} />
      <Announcer view={null} agent={agent?.name ?? ""} disconnected={offline} />
      <EmptyState onTry={(text) => begin(text)} disabled={!agent} />
      <div className="safe-bottom mx-auto w-full max-w-3xl flex-none px-3 pb-3 md:px-6 md:pb-4">
        {!agent && <p className="px-1 pb-2 text-sm text-warn">{words.t("agent.none")}</p>}
        <Composer
          ref={props.composer}
          onSend={begin}
          onStop={() => {}}
          running={false}
          stopping={false}
          placeholder={words.t(offline ? "composer.placeholder_offline" : "composer.placeholder", {
            agent: agent?.name ?? "",
          })}
          limit={boot.max_text}
          draft={client.drafts.get(null)}
          onDraft={(draft) => client.drafts.set(null, draft)}
          disabled={!agent}
        >
          {agent && <AgentChoice value={agent.slug} onChoose={choose} />}
        </Composer>
      </div>
    </>
  );
}
