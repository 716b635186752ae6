import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { chunk } from "../chunks";
import { clock, count, duration, fileSize, fullDate, money, shortDate } from "../format";
import { preference } from "../preferences";
import type { Dictionary, Key } from "./en";
import type { Language } from "./language";

export type { Key } from "./en";
export type { Language } from "./language";

/** The texts that have been loaded: those of the reader's language, and of each that was chosen since (`loadLanguage`). */
export const dictionaries = {} as Record<Language, Dictionary>;

const parts: Record<Language, () => Promise<Dictionary>> = {
  en: async () => (await import("./en")).en,
  zh: async () => (await import("./zh")).zh,
};

/** Have the texts of a language; before anything is drawn in it. Rejects when they cannot be loaded. */
export async function loadLanguage(language: Language): Promise<void> {
  dictionaries[language] ??= await parts[language]();
}

type Values = Record<string, string | number>;

export interface Words {
  language: Language;
  /** The text of a key, with `{name}` filled in from `values`. */
  t: (key: Key, values?: Values) => string;
  /**
   * The text of `<prefix>.<code>` when there is one, else `otherwise` (a newer server may know more codes). `{midnight}`
   * in it is when the limits of a day have room again.
   */
  code: (prefix: string, code: string, otherwise: string) => string;
  duration: (ms: number, exact?: boolean) => string;
  shortDate: (at: number, now: number) => string;
  clock: (at: number) => string;
  fullDate: (at: number) => string;
  count: (value: number) => string;
  fileSize: (bytes: number) => string;
  /** A cost in billionths of a US dollar. */
  money: (value: number) => string;
}

/** The words of a language; a plain object, so that tests and dates need no React. */
export function wordsOf(language: Language): Words {
  const dictionary = dictionaries[language];
  return {
    language,
    t: (key, values) => fill(dictionary[key], values),
    code: (prefix, code, otherwise) => {
      const key = `${prefix}.${code}`;
      if (!(key in dictionary)) return otherwise;
      return fill(dictionary[key as Key], { midnight: clock(nextDay(Date.now()), language) });
    },
    duration: (ms, exact) => duration(ms, language, exact),
    shortDate: (at, now) => shortDate(at, now, language),
    clock: (at) => clock(at, language),
    fullDate: (at) => fullDate(at, language),
    count: (value) => count(value, language),
    fileSize: (bytes) => fileSize(bytes, language),
    money: (value) => money(value, language),
  };
}

const DAY_MS = 86_400_000;

/** When the next day begins for the server's limits, which is at 00:00 UTC. */
function nextDay(now: number): number {
  return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
}

function fill(text: string, values?: Values): string {
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

function isLanguage(value: string | null): value is Language {
  return value === "en" || value === "zh";
}

/** The language the reader chose, else the first of the browser's languages that we speak, else English. */
export function firstLanguage(): Language {
  const kept = preference.read("language");
  if (isLanguage(kept)) return kept;
  for (const tag of navigator.languages ?? [navigator.language]) {
    const base = tag.toLowerCase().split("-")[0] ?? "";
    if (isLanguage(base)) return base;
  }
  return "en";
}

interface Setting {
  words: Words;
  setLanguage: (language: Language) => void;
}

const LanguageContext = createContext<Setting>({ words: wordsOf("en"), setLanguage: () => {} });

export function LanguageProvider({ children, initial }: { children: ReactNode; initial?: Language }) {
  const [language, set] = useState<Language>(() => initial ?? firstLanguage());
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const setting = useMemo<Setting>(
    () => ({
      words: wordsOf(language),
      setLanguage: (next) => {
        preference.write("language", next);
        // Without a link the page stays in its language, and has the other one after the next load.
        chunk(() => loadLanguage(next))().then(
          () => set(next),
          () => {},
        );
      },
    }),
    [language],
  );
  return <LanguageContext value={setting}>{children}</LanguageContext>;
}

export function useWords(): Words {
  return useContext(LanguageContext).words;
}

export function useLanguage(): [Language, (language: Language) => void] {
  const { words, setLanguage } = useContext(LanguageContext);
  return [words.language, setLanguage];
}
