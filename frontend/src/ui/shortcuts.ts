import { useEffect } from "react";

export interface Shortcuts {
  newConversation: () => void;
  search: () => void;
  focusComposer: () => void;
  toggleSidebar: () => void;
  help: () => void;
  /** Returns whether there was something to stop. */
  stop: () => boolean;
}

/** Whether keys go into a text that somebody writes. */
function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

/** Escape belongs to whatever is open on top. */
function somethingIsOpen(): boolean {
  return document.querySelector("dialog[open], [role=menu], [role=listbox]") !== null;
}

/** Keys that work everywhere on the page. */
export function useShortcuts(shortcuts: Shortcuts): void {
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || somethingIsOpen()) return;
      const done = act(event, shortcuts);
      if (done) event.preventDefault();
    };
    window.addEventListener("keydown", heard);
    return () => window.removeEventListener("keydown", heard);
  }, [shortcuts]);
}

function act(event: KeyboardEvent, to: Shortcuts): boolean {
  const mod = event.metaKey || event.ctrlKey;
  const key = event.key.toLowerCase();
  if (mod && event.shiftKey && key === "o") to.newConversation();
  else if (mod && !event.shiftKey && key === "k") to.search();
  else if (mod && !event.shiftKey && key === "b") to.toggleSidebar();
  else if (mod || event.altKey) return false;
  else if (key === "escape") return to.stop();
  else if (isWriting(event.target)) return false;
  else if (key === "/") to.focusComposer();
  else if (key === "?") to.help();
  else return false;
  return true;
}
