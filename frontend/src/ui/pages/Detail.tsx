import { Pause, Pencil, Play, Trash2, Zap } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useWords } from "../i18n";
import { Confirm } from "../parts/Confirm";
import type { Page } from "../route";
import { PageLink } from "./PageLink";
import { problemOf, said, Trouble } from "./trouble";

/** A line about it: what it is called, and what it is. */
export type Fact = readonly [label: string, value: ReactNode];

interface Props {
  /** Begins the names by which tests find things. */
  kind: "schedule" | "trigger";
  entry: { id: string; name: string; prompt: string };
  paused: boolean;
  /** What tests ask of the state, as data attributes. */
  data: Record<`data-${string}`, string>;
  standing: ReactNode;
  facts: readonly Fact[];
  /** "Run now": the words, the name for tests, and the request. */
  fire: { label: string; testid: string; ask: () => Promise<unknown> };
  pause: (paused: boolean) => Promise<unknown>;
  remove: () => Promise<unknown>;
  removeTitle: string;
  edit: Page;
  onChanged: () => void;
  onRemoved: () => void;
  /** Between what it is and what has become of it. */
  between?: ReactNode;
  /** Hears how many times something was done here, to look again. */
  history: (looked: number) => ReactNode;
}

/** Something that begins runs by itself: how it stands, what can be done with it, and what has become of it. */
export function Detail({ kind, entry, paused, onChanged, onRemoved, ...it }: Props) {
  const words = useWords();
  const [failed, setFailed] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const [looked, setLooked] = useState(0);
  const act = (work: Promise<unknown>, then = onChanged) => {
    setFailed(null);
    work.then(
      () => {
        setLooked((n) => n + 1);
        then();
      },
      (failure) => setFailed(said(problemOf(failure), words)),
    );
  };
  const Switch = paused ? Play : Pause;
  return (
    <>
      <Trouble text={failed} />
      <section data-testid={`${kind}-detail`} data-id={entry.id} {...it.data}>
        {it.standing}
        <p className="mt-2 rounded-xl bg-sunken px-3.5 py-2.5 text-[0.9375rem] whitespace-pre-wrap [overflow-wrap:anywhere]">
          {entry.prompt}
        </p>
        <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
          {it.facts.map(([label, value]) => (
            <div key={label} className="contents">
              <dt className="text-ink-3">{label}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
        </dl>
        <div className="mt-4 flex flex-wrap gap-2">
          <button
            type="button"
            className="button small"
            data-testid={it.fire.testid}
            onClick={() => act(it.fire.ask())}
          >
            <Zap size={14} aria-hidden="true" /> {it.fire.label}
          </button>
          <button
            type="button"
            className="button small"
            data-testid={`${kind}-${paused ? "resume" : "pause"}`}
            onClick={() => act(it.pause(!paused))}
          >
            <Switch size={14} aria-hidden="true" />
            {words.t(paused ? "schedule.resume" : "schedule.pause")}
          </button>
          <PageLink to={it.edit} className="button small" testid={`${kind}-edit`}>
            <Pencil size={14} aria-hidden="true" /> {words.t("schedule.edit")}
          </PageLink>
          <button
            type="button"
            className="button small"
            data-testid={`${kind}-delete`}
            onClick={() => setDeleting(true)}
          >
            <Trash2 size={14} aria-hidden="true" /> {words.t("schedule.delete")}
          </button>
        </div>
      </section>
      {it.between}
      <section aria-labelledby={`${kind}-past`} className="mt-7">
        <h2 id={`${kind}-past`} className="mb-1 text-sm font-semibold">
          {words.t("schedule.history")}
        </h2>
        {it.history(looked)}
      </section>
      {deleting && (
        <Confirm
          title={it.removeTitle}
          text={words.t("schedule.delete_body", { name: entry.name })}
          label={words.t("schedule.delete")}
          testid={`${kind}-delete-confirm`}
          onConfirm={() => act(it.remove(), onRemoved)}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  );
}
