import { HttpError, type Problem } from "../../sync";
import { useWords, type Words } from "../i18n";

/** What went wrong, for people: the server's own words where there are none of ours. */
export function said(problem: Problem, words: Words): string {
  const detail = problem.detail || words.t("page.error.server");
  return words.code("page.error", problem.reason ?? problem.code, detail);
}

/** What went wrong with a request, whatever was thrown. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof HttpError) return failure.problem;
  return { code: "bad_answer", status: 0, detail: String(failure), retry: true };
}

/** Said where it happened. */
export function Trouble({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <p role="alert" className="mb-3 rounded-lg bg-danger-soft px-3 py-2 text-sm text-danger">
      {text}
    </p>
  );
}

/** What the address named is not there (any more). */
export function NotHere() {
  const words = useWords();
  return (
    <p className="py-10 text-center text-sm text-ink-2" data-testid="page-gone">
      {words.t("page.gone")}
    </p>
  );
}
