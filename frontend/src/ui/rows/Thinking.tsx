import { Brain, ChevronDown } from "lucide-react";
import { useId } from "react";
import { useWords } from "../i18n";
import { useKept } from "../parts/kept";
import { LazyMarkdown } from "../parts/LazyMarkdown";

interface Props {
  step: string;
  reasoning: string;
  /** The step streams, and nothing of its answer has come yet. */
  busy: boolean;
  streaming: boolean;
}

/** What the model said to itself, folded: a person who wants to know opens it. */
export function Thinking({ step, reasoning, busy, streaming }: Props) {
  const words = useWords();
  const [open, setOpen] = useKept(`thinking:${step}`, false);
  const panel = useId();
  return (
    <section className="mb-1.5" aria-label={words.t("step.reasoning")} data-testid="thinking">
      <button
        type="button"
        className="-ml-1.5 inline-flex min-h-8 items-center gap-1.5 rounded-md px-1.5 text-sm text-ink-2 hover:bg-hover hover:text-ink"
        aria-expanded={open}
        aria-controls={panel}
        data-testid="thinking-toggle"
        onClick={() => setOpen(!open)}
      >
        <Brain size={15} className="flex-none" aria-hidden="true" />
        {busy ? (
          <span className="thinking">{words.t("step.thinking")}…</span>
        ) : (
          <span>{words.t("step.thought")}</span>
        )}
        <ChevronDown
          size={15}
          className={`flex-none transition-transform ${open ? "rotate-180" : ""}`}
          aria-hidden="true"
        />
      </button>
      <div id={panel} hidden={!open}>
        {open && (
          <div
            className="thoughts mt-1 mb-3 border-l-2 border-line pl-3 text-ink-2"
            data-testid="thinking-text"
          >
            <LazyMarkdown text={reasoning} streaming={streaming} />
          </div>
        )}
      </div>
    </section>
  );
}
