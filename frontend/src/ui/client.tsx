import { createContext, type ReactNode, useContext, useEffect, useSyncExternalStore } from "react";
import type {
  AgentEntry,
  Boot,
  Client,
  Connection,
  ConversationView,
  ListState,
  OriginView,
  Readable,
} from "../sync";
import { useWords } from "./i18n";

const ClientContext = createContext<Client | null>(null);

export function ClientProvider({ client, children }: { client: Client; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("useClient outside of a ClientProvider");
  return client;
}

export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.getSnapshot);
}

export function useConnection(): Connection {
  return useReadable(useClient().connection);
}

export function useList(): ListState {
  return useReadable(useClient().list);
}

/** One conversation, kept live while the component is mounted. */
export function useConversation(id: string): ConversationView {
  const client = useClient();
  useEffect(() => client.open(id), [client, id]);
  return useReadable(client.conversation(id));
}

/** What the page needs before anything else. `agents` may be empty. */
export interface Setup {
  boot: Boot;
  agents: readonly AgentEntry[];
}

const SetupContext = createContext<Setup | null>(null);
export const SetupProvider = SetupContext;

export function useSetup(): Setup {
  const setup = useContext(SetupContext);
  if (setup === null) throw new Error("useSetup outside of a SetupProvider");
  return setup;
}

/** Where a message came from, for people: in our own words, else in those of the entrance, else by its name. */
export function useOrigin(origin: OriginView): string {
  const words = useWords();
  const { boot } = useSetup();
  const told = boot.entrances?.[origin.entrance] ?? origin.entrance;
  return words.code("entrance", origin.entrance, told) + (origin.name ? ` (${origin.name})` : "");
}

/** The name of an agent for people; its slug when it is not known (it was removed). */
export function useAgentName(slug: string | undefined): string {
  const { agents } = useSetup();
  if (!slug) return agents[0]?.name ?? "";
  return agents.find((agent) => agent.slug === slug)?.name ?? slug;
}
