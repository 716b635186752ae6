import { useSyncExternalStore } from "react";
import { navigate } from "./route";

/** A place that somebody wants to see. Without an item: the beginning of the conversation. */
export interface Target {
  conversation: string;
  item: string;
  seq: number;
  branch: string;
  /** What was looked for, to be marked there. */
  query?: string;
}

const listeners = new Set<() => void>();
let wanted: Target | null = null;

function tell(): void {
  for (const listener of listeners) listener();
}

/** Go to a place; its transcript sees to the rest. */
export function jumpTo(target: Target): void {
  wanted = { ...target };
  navigate(target.conversation);
  tell();
}

/** It was reached, or cannot be. */
export function arrived(target: Target): void {
  if (wanted !== target) return;
  wanted = null;
  tell();
}

/** Where this conversation is to go to, if anywhere. */
export function useTarget(conversation: string): Target | null {
  const target = useSyncExternalStore(subscribe, () => wanted);
  return target?.conversation === conversation ? target : null;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
