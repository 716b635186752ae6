import { ChevronDown } from "lucide-react";
import { useId, useMemo } from "react";
import { fencesOf } from "../fences";
import { useWords } from "../i18n";
import { CodeFrame } from "../parts/CodeFrame";
import { useKept } from "../parts/kept";

/** A message that is longer is folded: it would push the answer out of sight. */
const MAX_CHARS = 1_600;
const MAX_LINES = 18;

function isLong(text: string): boolean {
  return text.length > MAX_CHARS || text.split("\n", MAX_LINES + 1).length > MAX_LINES;
}

/** What a person wrote: as they wrote it, code between fences as code, and folded when it is long. */
export function Said({ id, text }: { id: string; text: string }) {
  const words = useWords();
  const panel = useId();
  const [open, setOpen] = useKept(`said:${id}`, false);
  const pieces = useMemo(() => fencesOf(text), [text]);
  const long = useMemo(() => isLong(text), [text]);
  const folded = long && !open;
  return (
    <>
      <div
        id={panel}
        className={folded ? "said-folded" : ""}
        data-testid="said"
        data-folded={folded}
        // What is below the fold is not reached by the tab key, and not read out before it is asked for.
        inert={folded && pieces.length > 1}
      >
        {pieces.map((piece, at) =>
          piece.kind === "text" ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text keep their places.
            <div key={at} className="whitespace-pre-wrap">
              {piece.text}
            </div>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above.
            <CodeFrame key={at} text={piece.text} language={piece.language} />
          ),
        )}
      </div>
      {long && (
        <button
          type="button"
          className="mt-1.5 flex items-center gap-1 rounded text-sm font-medium text-accent"
          aria-expanded={open}
          aria-controls={panel}
          data-testid="said-toggle"
          onClick={() => setOpen(!open)}
        >
          {words.t(open ? "call.show_less" : "message.show_all")}
          <ChevronDown size={15} className={open ? "rotate-180" : ""} aria-hidden="true" />
        </button>
      )}
    </>
  );
}
