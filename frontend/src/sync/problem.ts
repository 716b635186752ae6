// What can go wrong with a request over HTTP, as a value that a page can show.

/** Why an HTTP request gave nothing. The texts for people are in the UI. */
export type ProblemCode =
  | "offline"
  | "logged_out"
  | "not_found"
  | "refused"
  | "too_fast"
  | "server"
  | "bad_answer";

export interface Problem {
  code: ProblemCode;
  /** HTTP status, 0 when no answer came. */
  status: number;
  /** What the server said, for people; may be empty. */
  detail: string;
  /** The server's own code for it, if it gave one. */
  reason?: string;
  /** Whether trying again later makes sense. */
  retry: boolean;
  /** What is wrong with single fields of what was sent, if that is the reason. */
  fields?: FieldProblems;
}

/** By the name of the field: a code for which the UI has a text, and the server's own words. */
export type FieldProblems = Readonly<Record<string, { code: string; detail: string }>>;

/** What HTTP requests reject with. */
export class HttpError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code} (HTTP ${problem.status}) ${problem.detail}`.trim());
    this.name = "HttpError";
  }
}

/** What an error says to a person; one that is no `HttpError` is a fault of ours. */
export function problemOf(error: unknown): Problem {
  if (error instanceof HttpError) return error.problem;
  return { code: "bad_answer", status: 0, detail: String(error).slice(0, 300), retry: false };
}
