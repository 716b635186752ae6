import { useSyncExternalStore } from "react";
import { PREFIX } from "./addresses";

const listeners = new Set<() => void>();
const PATH = /^\/c\/([0-9a-f-]{36})\/?$/;

/** The conversation that the address names; null: a new one. */
function currentConversation(): string | null {
  const { pathname } = window.location;
  return PATH.exec(pathname.startsWith(PREFIX) ? pathname.slice(PREFIX.length) : pathname)?.[1] ?? null;
}

/** Whether the address names a conversation. */
export function addressesConversation(): boolean {
  return currentConversation() !== null;
}

export function addressOf(conversation: string | null): string {
  return conversation === null ? `${PREFIX}/` : `${PREFIX}/c/${conversation}`;
}

/** Go to a conversation; null: to a new one. `replace` leaves no way back, for a page that is gone. */
export function navigate(conversation: string | null, replace = false): void {
  const address = addressOf(conversation);
  if (replace) window.history.replaceState(null, "", address);
  else if (window.location.pathname !== address) window.history.pushState(null, "", address);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function useConversationId(): string | null {
  return useSyncExternalStore(subscribe, currentConversation);
}
