/** What was being written in each conversation, while the page is open; never stored (rule W1). */
const kept = new Map<string | null, string>();

/** Ids of the files that were chosen for it. */
const files = new Map<string | null, readonly string[]>();
const NONE: readonly string[] = [];

export const drafts = {
  files: (conversation: string | null): readonly string[] => files.get(conversation) ?? NONE,
  setFiles: (conversation: string | null, ids: readonly string[]): void => {
    if (ids.length === 0) files.delete(conversation);
    else files.set(conversation, ids);
  },
  get: (conversation: string | null): string => kept.get(conversation) ?? "",
  set: (conversation: string | null, text: string): void => {
    if (text === "") kept.delete(conversation);
    else kept.set(conversation, text);
  },
};
