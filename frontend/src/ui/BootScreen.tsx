import type { BootState } from "../sync";
import { LOGIN } from "./addresses";
import { useWords } from "./i18n";
import { Logo } from "./parts/Logo";

/** Before the page knows who is there; and when it cannot find out. */
export function BootScreen({ state }: { state: BootState }) {
  const words = useWords();
  const failed = state.status === "failed" ? state.problem : null;
  const out = failed?.code === "logged_out";
  return (
    <div
      className="app-frame grid place-items-center"
      data-testid="app"
      data-phase={failed ? "failed" : "loading"}
    >
      <main className="grid justify-items-center gap-4 px-6 text-center">
        <Logo size={48} />
        {!failed && <h1 className="sr-only">{words.t("app.loading")}</h1>}
        {failed && (
          <div role="alert">
            <h1 className="font-medium">{words.t(out ? "net.logged_out" : "app.failed")}</h1>
            {!out && failed.retry && <p className="mt-1 text-sm text-ink-2">{words.t("app.failed_hint")}</p>}
            <a
              className="button mt-4"
              href={
                out
                  ? `${LOGIN}?next=${encodeURIComponent(window.location.pathname)}`
                  : window.location.pathname
              }
            >
              {words.t(out ? "net.log_in" : "app.try_again")}
            </a>
          </div>
        )}
      </main>
    </div>
  );
}
