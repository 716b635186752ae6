// Parts of the page that are loaded when they are first needed. A tab from before an upgrade asks for files that are no
// longer there, and one without a link gets none: both go on without the part, and the banner says so.
import { useSyncExternalStore } from "react";

let missing = false;
const listeners = new Set<() => void>();

/** `load` (an `import()`), whose failure is remembered for the banner. */
export function chunk<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await load();
    } catch (error) {
      missing = true;
      for (const listener of listeners) listener();
      throw error;
    }
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether a part of the page could not be loaded: only a reload brings it, browsers do not ask for a module twice. */
export function useMissingChunk(): boolean {
  return useSyncExternalStore(subscribe, () => missing);
}
