/**
 * What a reader likes (language, theme, sidebar), kept in localStorage. Nothing of a conversation is ever
 * kept here (rule W1). A browser that forbids storage only forgets the preference.
 */
export type Preference = "language" | "theme" | "sidebar" | "agent" | "notify";

export const preference = {
  read(name: Preference): string | null {
    try {
      return localStorage.getItem(`hf.${name}`);
    } catch {
      return null;
    }
  },
  write(name: Preference, value: string): void {
    try {
      localStorage.setItem(`hf.${name}`, value);
    } catch {
      // Private mode or a full disk: the choice holds until the page is closed.
    }
  },
};
