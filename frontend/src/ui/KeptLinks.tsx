import { CalendarClock, NotebookPen, Webhook } from "lucide-react";
import { type Key, useWords } from "./i18n";
import { PageLink } from "./pages/PageLink";
import type { Kept } from "./route";

const LINKS: readonly { kind: Kept; key: Key; Icon: typeof Webhook }[] = [
  { kind: "schedules", key: "schedule.title", Icon: CalendarClock },
  { kind: "triggers", key: "trigger.title", Icon: Webhook },
  { kind: "notes", key: "note.title", Icon: NotebookPen },
];

/** The ways to what is kept beside the conversations. */
export function KeptLinks({ page, onPage }: { page: Kept | null; onPage: (kind: Kept) => void }) {
  const words = useWords();
  return (
    <nav className="mb-1 flex gap-1" aria-label={words.t("page.kept")}>
      {LINKS.map(({ kind, key, Icon }) => (
        <PageLink
          key={kind}
          to={{ kind, id: null, edit: false }}
          className={`flex min-w-0 flex-1 flex-col items-center gap-0.5 rounded-lg px-1 py-1.5 text-xs hover:bg-hover hover:text-ink ${page === kind ? "bg-hover font-medium text-ink" : "text-ink-2"}`}
          testid={`open-${kind}`}
          current={page === kind}
          onFollow={() => onPage(kind)}
        >
          <Icon size={17} aria-hidden="true" />
          <span className="max-w-full truncate">{words.t(key)}</span>
        </PageLink>
      ))}
    </nav>
  );
}
