import { ChevronDown, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useClient, useSetup } from "../client";
import { useWords } from "../i18n";
import { Dialog } from "../parts/Dialog";
import { Menu, MenuItem } from "../parts/Menu";
import { effectsBefore, humanise } from "../view";

interface Props {
  conversation: string;
  /** The answer, or the notice that says that there is none. */
  item: string;
  agent: string | undefined;
}

/** Have a message answered anew, by the same agent or another one; first said is what the answer has changed already. */
export function TryAgain({ conversation, item, agent }: Props) {
  const words = useWords();
  const client = useClient();
  const { agents } = useSetup();
  const [asked, setAsked] = useState<{ effects: readonly string[]; agent: string } | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const others = agents.filter(({ slug }) => slug !== agent);

  const go = async (slug: string) => {
    setAsked(null);
    setBusy(true);
    setProblem("");
    const outcome = await client.tryAgain(conversation, item, slug);
    setBusy(false);
    if (outcome.status === "rejected")
      setProblem(words.code("reject", outcome.code, words.t("reject.unavailable")));
  };
  const ask = (slug: string) => {
    const effects = effectsBefore(client.conversation(conversation).getSnapshot().items, item);
    if (effects.length > 0) setAsked({ effects, agent: slug });
    else void go(slug);
  };

  return (
    <span className="inline-flex items-center">
      <button
        type="button"
        className="inline-flex h-7 items-center gap-1.5 rounded-md px-1.5 text-xs text-ink-2 hover:bg-hover hover:text-ink disabled:opacity-50"
        disabled={busy}
        data-testid="try-again"
        onClick={() => ask("")}
      >
        <RotateCcw size={13} aria-hidden="true" /> {words.t("again.button")}
      </button>
      {others.length > 0 && (
        <Menu
          align="start"
          trigger={
            <button
              type="button"
              className="grid h-7 w-5 place-items-center rounded-md text-ink-2 hover:bg-hover hover:text-ink"
              disabled={busy}
              aria-label={words.t("again.other")}
              data-testid="try-again-other"
            >
              <ChevronDown size={13} aria-hidden="true" />
            </button>
          }
        >
          {others.map(({ slug, name }) => (
            <MenuItem key={slug} testid={`try-again-${slug}`} onSelect={() => ask(slug)}>
              {words.t("again.with", { agent: name })}
            </MenuItem>
          ))}
        </Menu>
      )}
      {problem && (
        <span className="ml-1.5 text-xs text-danger" role="alert">
          {problem}
        </span>
      )}
      {asked && (
        <Dialog title={words.t("again.title")} onClose={() => setAsked(null)} testid="again-dialog">
          <p className="text-sm">{words.t("again.effects")}</p>
          <ul className="my-2 list-disc pl-5 text-sm" data-testid="again-effects">
            {asked.effects.map((name) => (
              <li key={name}>{words.code("tool", name, humanise(name))}</li>
            ))}
          </ul>
          <p className="text-sm text-ink-2">{words.t("again.hint")}</p>
          <div className="mt-4 flex justify-end gap-2">
            <button
              type="button"
              className="button"
              data-testid="dialog-cancel"
              onClick={() => setAsked(null)}
            >
              {words.t("dialog.cancel")}
            </button>
            <button
              type="button"
              className="button primary"
              data-testid="again-confirm"
              onClick={() => void go(asked.agent)}
            >
              {words.t("again.confirm")}
            </button>
          </div>
        </Dialog>
      )}
    </span>
  );
}
