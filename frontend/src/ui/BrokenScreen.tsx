import { useWords } from "./i18n";
import { Logo } from "./parts/Logo";

/** Instead of a page that cannot be shown: what was written is in the drafts and the outbox, so a reload loses nothing. */
export function BrokenScreen() {
  const words = useWords();
  return (
    <div className="app-frame grid place-items-center" data-testid="app" data-phase="broken">
      <main className="grid justify-items-center gap-4 px-6 text-center">
        <Logo size={48} />
        <div role="alert">
          <h1 className="font-medium">{words.t("app.broken")}</h1>
          <p className="mt-1 text-sm text-ink-2">{words.t("app.broken_hint")}</p>
          <a className="button mt-4" href={window.location.pathname}>
            {words.t("net.reload")}
          </a>
        </div>
      </main>
    </div>
  );
}
