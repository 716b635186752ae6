import { ChevronLeft, ChevronRight } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { ForkView } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";

/** Where the focus goes when another way is shown: its row is another one. */
let refocus: { conversation: string; before: number } | null = null;

/** ‹ 2/3 ›: which of several ways on is shown, and the way to the others; the arrow keys do the same. */
export function Ways({ conversation, fork }: { conversation: string; fork: ForkView }) {
  const words = useWords();
  const client = useClient();
  const group = useRef<HTMLFieldSetElement>(null);
  const [problem, setProblem] = useState("");
  const { before, ways, at } = fork;

  useEffect(() => {
    if (refocus?.conversation !== conversation || refocus.before !== before) return;
    refocus = null;
    group.current?.querySelector<HTMLButtonElement>("button:not(:disabled)")?.focus({ preventScroll: true });
  }, [conversation, before]);

  const go = async (to: number) => {
    const branch = ways[to];
    if (branch === undefined) return;
    refocus = { conversation, before };
    setProblem("");
    const outcome = await client.choose(conversation, branch);
    if (outcome.status === "applied") return;
    refocus = null;
    setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  const pressed = (event: KeyboardEvent) => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (step === 0 || ways[at + step] === undefined) return;
    event.preventDefault();
    void go(at + step);
  };
  const arrow = (to: number, label: string, testid: string, icon: React.ReactNode) => (
    <button
      type="button"
      className="grid size-7 place-items-center rounded-md hover:bg-hover hover:text-ink disabled:opacity-35"
      disabled={ways[to] === undefined}
      aria-label={label}
      title={label}
      data-testid={testid}
      data-holds
      onClick={() => void go(to)}
      onKeyDown={pressed}
    >
      {icon}
    </button>
  );
  return (
    <fieldset
      ref={group}
      className="m-0 -ml-1.5 inline-flex min-w-0 items-center border-0 p-0 text-xs text-ink-2"
      aria-label={words.t("ways.label", { n: at + 1, all: ways.length })}
      data-testid="ways"
      data-at={at + 1}
      data-of={ways.length}
    >
      {arrow(at - 1, words.t("ways.previous"), "ways-previous", <ChevronLeft size={15} aria-hidden="true" />)}
      <span className="tabular-nums" aria-hidden="true">
        {at + 1}/{ways.length}
      </span>
      {arrow(at + 1, words.t("ways.next"), "ways-next", <ChevronRight size={15} aria-hidden="true" />)}
      {problem && (
        <span className="text-danger" role="alert">
          {problem}
        </span>
      )}
    </fieldset>
  );
}
