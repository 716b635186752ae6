import { useEffect } from "react";

export interface Shortcuts {
  newConversation: () => void;
  search: () => void;
  palette: () => void;
  /** Returns whether there is something to find in. */
  find: () => boolean;
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

/** Whether Escape belongs to the field it is pressed in: a reason, a title, a search. In the composer it stops the run. */
function ownsEscape(target: EventTarget | null): boolean {
  return isWriting(target) && (target as HTMLElement).closest("[data-testid=composer]") === null;
}

/** Whether an input method is at work. Safari ends the composition before it reports the key that ended it, as 229. */
function composes(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Keys that work everywhere on the page. */
export function useShortcuts(shortcuts: Shortcuts): void {
  useEffect(() => {
    const heard = (event: KeyboardEvent) => {
      if (event.defaultPrevented || composes(event) || somethingIsOpen()) return;
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
  else if (mod && !event.shiftKey && key === "k") to.palette();
  else if (mod && event.shiftKey && key === "f") to.search();
  else if (mod && !event.altKey && key === "f") return to.find();
  else if (mod && !event.shiftKey && key === "b") to.toggleSidebar();
  else if (mod || event.altKey) return false;
  else if (key === "escape") return !ownsEscape(event.target) && to.stop();
  else if (isWriting(event.target)) return false;
  else if (key === "/") to.focusComposer();
  else if (key === "?") to.help();
  else return false;
  return true;
}
