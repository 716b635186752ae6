import { CopyPlus } from "lucide-react";
import type { Info } from "../../sync";
import { useWords } from "../i18n";
import { addressOf, navigate } from "../route";

/** Above the first message of a copy: where it was copied from. One of another installation leads nowhere. */
export function CopiedRow({ from }: { from: NonNullable<Info["copied_from"]> }) {
  const words = useWords();
  const title = from.title || words.t("list.untitled");
  const [before, after] = words.t("copy.from").split("{title}");
  const name =
    from.conversation === "" ? (
      <span className="text-ink">{title}</span>
    ) : (
      <a
        className="text-accent hover:underline"
        href={addressOf(from.conversation)}
        data-testid="copied-from-link"
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          navigate(from.conversation);
        }}
      >
        {title}
      </a>
    );
  return (
    <div className="flex items-center gap-3 py-3 text-xs text-ink-2" data-testid="copied-from">
      <span className="h-px flex-1 bg-line" aria-hidden="true" />
      <CopyPlus size={13} className="flex-none text-ink-3" aria-hidden="true" />
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {before}
        {name}
        {after}
      </span>
      <span className="h-px flex-1 bg-line" aria-hidden="true" />
    </div>
  );
}
