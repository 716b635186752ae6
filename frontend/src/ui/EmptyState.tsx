import { Calculator, Clock, FlaskConical, Layers, ScrollText } from "lucide-react";
import type { Key } from "./i18n";
import { useWords } from "./i18n";
import { Logo } from "./parts/Logo";

const suggestions = [
  { id: "time", icon: Clock },
  { id: "sum", icon: Calculator },
  { id: "research", icon: FlaskConical },
  { id: "both", icon: Layers },
  { id: "long", icon: ScrollText },
] as const;

/** What a newcomer sees: what this is, and things to try. */
export function EmptyState({ onTry, disabled }: { onTry: (text: string) => void; disabled: boolean }) {
  const words = useWords();
  return (
    <div className="flex min-h-0 flex-1 overflow-y-auto" data-testid="empty">
      <div className="m-auto w-full max-w-2xl px-4 py-8 md:px-6">
        <Logo size={44} />
        <h1 className="mt-5 text-[1.625rem] leading-tight font-semibold tracking-tight">
          {words.t("empty.title")}
        </h1>
        <p className="mt-2 max-w-lg text-[0.9375rem] text-ink-2">{words.t("empty.body")}</p>
        <ul className="mt-7 grid gap-2.5 sm:grid-cols-2">
          {suggestions.map(({ id, icon: Icon }, index) => {
            const prompt = words.t(`empty.${id}_prompt` as Key);
            return (
              <li key={id} className={index === suggestions.length - 1 ? "sm:col-span-2" : ""}>
                <button
                  type="button"
                  className="flex h-full w-full items-start gap-3 rounded-xl border border-line bg-raised px-4 py-3 text-left text-sm transition-colors hover:border-line-strong hover:bg-sunken disabled:opacity-50"
                  disabled={disabled}
                  data-testid="suggestion"
                  data-suggestion={id}
                  onClick={() => onTry(prompt)}
                >
                  <Icon size={17} className="mt-0.5 flex-none text-accent" aria-hidden="true" />
                  <span className="min-w-0">
                    <span className="block font-medium">{words.t(`empty.${id}` as Key)}</span>
                    <span className="block text-ink-2">{prompt}</span>
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}
