import { useMemo, useSyncExternalStore } from "react";
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

/** What is kept beside the conversations, each kind with pages of its own. */
export type Kept = "schedules" | "triggers" | "notes";

/** A page beside the conversations. `id`: one of the kind, "new" for one that is being made, null for all of them. */
export interface Page {
  kind: Kept;
  id: string | null;
  edit: boolean;
}

/** The addresses of chat/entrances/web/urls.py. */
const KEPT = /^\/(?:(schedules|triggers)(?:\/(new|[0-9a-f-]{36})(\/edit)?)?|(notes))\/?$/;

/** The page that an address names; null: that of a conversation. */
function pageOf(path: string): Page | null {
  const found = KEPT.exec(path.startsWith(PREFIX) ? path.slice(PREFIX.length) : path);
  if (!found) return null;
  return { kind: (found[1] ?? found[4]) as Kept, id: found[2] ?? null, edit: found[3] !== undefined };
}

export function addressOfPage({ kind, id, edit }: Page): string {
  return `${PREFIX}/${kind}${id === null ? "" : `/${id}`}${edit ? "/edit" : ""}`;
}

/** Go to such a page. */
export function openPage(
  kind: Kept,
  id: string | null = null,
  how: { edit?: boolean; replace?: boolean } = {},
): void {
  const address = addressOfPage({ kind, id, edit: how.edit ?? false });
  if (how.replace) window.history.replaceState(null, "", address);
  else if (window.location.pathname !== address) window.history.pushState(null, "", address);
  for (const listener of listeners) listener();
}

export function usePage(): Page | null {
  const path = useSyncExternalStore(subscribe, () => window.location.pathname);
  return useMemo(() => pageOf(path), [path]);
}
