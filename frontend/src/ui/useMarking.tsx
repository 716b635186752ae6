import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { HttpError } from "../sync";
import { useClient } from "./client";
import { useWords } from "./i18n";

type Marks = { pinned?: boolean; archived?: boolean };

interface Marking {
  mark: (ids: readonly string[], marks: Marks) => void;
  /** Why the last mark was not made; empty: it was. */
  problem: string;
}

const MarkingContext = createContext<Marking>({ mark: () => {}, problem: "" });

/** Pins and archives for whoever is below, and keeps what went wrong until the next time. */
export function MarkingProvider({ children }: { children: ReactNode }) {
  const client = useClient();
  const words = useWords();
  const [problem, setProblem] = useState("");
  const mark = useCallback(
    (ids: readonly string[], marks: Marks) => {
      setProblem("");
      client.mark(ids, marks).catch((failure: unknown) => {
        const code = failure instanceof HttpError ? (failure.problem.reason ?? failure.problem.code) : "";
        setProblem(words.code("mark_failed", code, words.t("mark_failed.server")));
      });
    },
    [client, words],
  );
  const marking = useMemo(() => ({ mark, problem }), [mark, problem]);
  return <MarkingContext value={marking}>{children}</MarkingContext>;
}

export function useMarking(): Marking {
  return useContext(MarkingContext);
}
