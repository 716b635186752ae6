import { type RefObject, useRef, useState } from "react";
import type { FieldProblems } from "../../sync";
import { useWords } from "../i18n";
import { problemOf, said } from "./trouble";
import { useFocusWrong } from "./useFocusWrong";

export interface Saving {
  form: RefObject<HTMLFormElement | null>;
  saving: boolean;
  /** What is wrong with each field, by its name. */
  problems: FieldProblems;
  setProblems: (change: (before: FieldProblems) => FieldProblems) => void;
  /** What went wrong with the whole, in words. */
  failed: string | null;
  /** Asks the server; what it refuses is said, and the first field that is wrong gets the focus. */
  save: (ask: () => Promise<void>) => void;
}

/** The saving of a form, once at a time. */
export function useSaving(): Saving {
  const words = useWords();
  const [problems, setProblems] = useState<FieldProblems>({});
  const [failed, setFailed] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const [refusals, setRefusals] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useFocusWrong(form, refusals);
  const save = (ask: () => Promise<void>) => {
    if (saving) return;
    setSaving(true);
    setFailed(null);
    setProblems({});
    ask().catch((failure: unknown) => {
      const problem = problemOf(failure);
      setProblems(problem.fields ?? {});
      setFailed(problem.fields ? words.t("schedule.check") : said(problem, words));
      setSaving(false);
      setRefusals((n) => n + 1);
    });
  };
  return { form, saving, problems, setProblems, failed, save };
}
