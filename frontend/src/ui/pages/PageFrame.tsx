import { ArrowLeft, PanelLeft } from "lucide-react";
import { createContext, type ReactNode, useContext, useEffect, useRef } from "react";
import { useWords } from "../i18n";
import { Tip } from "../parts/Tip";
import type { Page } from "../route";
import { PageLink } from "./PageLink";

/** What the page needs of the frame around it. */
interface Surroundings {
  sidebarHidden: boolean;
  onSidebar: () => void;
  /** Hears what the page is called, for the title of the tab. */
  onTitle: (title: string) => void;
}

const Context = createContext<Surroundings>({ sidebarHidden: false, onSidebar: () => {}, onTitle: () => {} });
export const SurroundingsProvider = Context;

interface Props {
  title: string;
  /** The page that this one is below of. */
  above?: Page;
  aboveLabel?: string;
  actions?: ReactNode;
  testid: string;
  children: ReactNode;
}

/** A page beside the conversations: its name on top, and what it holds below, scrolled by itself. */
export function PageFrame({ title, above, aboveLabel, actions, testid, children }: Props) {
  const words = useWords();
  const { sidebarHidden, onSidebar, onTitle } = useContext(Context);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => onTitle(title), [onTitle, title]);
  // Who came here by a link reads on from the top of the page.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <>
      <header className="safe-top flex-none border-b border-line/70">
        <div className="flex h-14 items-center gap-1 px-2 md:px-3">
          {sidebarHidden && (
            <Tip text={words.t("list.open_sidebar")} side="bottom">
              <button
                type="button"
                className="icon-button"
                aria-label={words.t("list.open_sidebar")}
                data-testid="open-sidebar"
                onClick={onSidebar}
              >
                <PanelLeft size={19} />
              </button>
            </Tip>
          )}
          {above && (
            <PageLink to={above} className="icon-button" label={aboveLabel ?? ""} testid="page-back">
              <ArrowLeft size={18} aria-hidden="true" />
            </PageLink>
          )}
          <h1
            ref={heading}
            id="page-title"
            tabIndex={-1}
            className="min-w-0 flex-1 truncate px-2 text-[0.9375rem] font-semibold outline-none"
          >
            {title}
          </h1>
          {actions}
        </div>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain" data-testid={testid}>
        <div className="safe-bottom mx-auto w-full max-w-3xl px-4 pt-4 pb-8 md:px-6">{children}</div>
      </div>
    </>
  );
}
