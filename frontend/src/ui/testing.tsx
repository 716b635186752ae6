import { cleanup, render } from "@testing-library/react";
import type { ReactElement } from "react";
import { afterEach } from "vitest";
import { ClientProvider, SetupProvider } from "./client";
import { BOOT, FakeClient } from "./gallery/fake";
import { type Language, LanguageProvider } from "./i18n";
import { KeptProvider } from "./parts/kept";
import { TipProvider } from "./parts/Tip";

afterEach(cleanup);

/** A component with everything that stands around it in the page, on a client whose states the test sets. */
export function show(
  element: ReactElement,
  client = new FakeClient(),
  language: Language = "en",
  boot = BOOT,
) {
  const wrap = (inner: ReactElement) => (
    <ClientProvider client={client}>
      <SetupProvider value={{ boot, agents: boot.agents }}>
        <LanguageProvider initial={language}>
          <TipProvider>
            <KeptProvider>{inner}</KeptProvider>
          </TipProvider>
        </LanguageProvider>
      </SetupProvider>
    </ClientProvider>
  );
  const shown = render(wrap(element));
  return { ...shown, client, again: (next: ReactElement) => shown.rerender(wrap(next)) };
}
