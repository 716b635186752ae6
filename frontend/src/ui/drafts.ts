/** What was being written in each conversation, while the page is open; never stored (rule W1). */
const kept = new Map<string | null, string>();

export const drafts = {
  get: (conversation: string | null): string => kept.get(conversation) ?? "",
  set: (conversation: string | null, text: string): void => {
    if (text === "") kept.delete(conversation);
    else kept.set(conversation, text);
  },
};
