import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Client, ConversationView, ListEntry } from "../sync";
import { Banner } from "./Banner";
import { BootScreen } from "./BootScreen";
import { BrokenScreen } from "./BrokenScreen";
import type { ComposerHandle } from "./Composer";
import { ConversationPage } from "./ConversationPage";
import { chunk } from "./chunks";
import { ClientProvider, SetupProvider, useClient, useReadable } from "./client";
import { DeleteDialog, RenameDialog } from "./dialogs";
import { type Language, LanguageProvider, useWords } from "./i18n";
import { NewPage } from "./NewPage";
import { SurroundingsProvider } from "./pages/PageFrame";
import { Dialog } from "./parts/Dialog";
import { Guard } from "./parts/Guard";
import { TipProvider } from "./parts/Tip";
import { preference } from "./preferences";
import { type Kept, navigate, openPage, type Page, useConversationId, usePage } from "./route";
import { Sidebar, type SidebarHandle } from "./Sidebar";
import { useMedia, useVisibleHeight, WIDE } from "./screen";
import { useShortcuts } from "./shortcuts";
import { useUploadGuard } from "./useAttaching";
import { useCallBack } from "./useCallBack";
import { CopyingProvider } from "./useCopying";
import { MarkingProvider } from "./useMarking";
import { isActive } from "./view";

/** The whole page, on a client that has been started. */
export function App({ client, language }: { client: Client; language?: Language }) {
  return (
    <ClientProvider client={client}>
      <LanguageProvider {...(language ? { initial: language } : {})}>
        <Guard fallback={<BrokenScreen />}>
          <TipProvider>
            <Booted />
          </TipProvider>
        </Guard>
      </LanguageProvider>
    </ClientProvider>
  );
}

function Booted() {
  const state = useReadable(useClient().boot);
  const setup = useMemo(
    () => (state.status === "ready" ? { boot: state.boot, agents: state.agents } : null),
    [state],
  );
  if (setup === null) return <BootScreen state={state} />;
  return (
    <SetupProvider value={setup}>
      <MarkingProvider>
        <CopyingProvider>
          <Frame />
        </CopyingProvider>
      </MarkingProvider>
    </SetupProvider>
  );
}

const HelpDialog = lazy(chunk(() => import("./HelpDialog")));
const ImportDialog = lazy(chunk(() => import("./ImportDialog")));
const SearchDialog = lazy(chunk(() => import("./SearchDialog")));
const Palette = lazy(chunk(() => import("./Palette")));
const SchedulesPage = lazy(chunk(() => import("./schedules/SchedulesPage")));
const TriggersPage = lazy(chunk(() => import("./triggers/TriggersPage")));
const NotesPage = lazy(chunk(() => import("./notes/NotesPage")));

type Open =
  | { dialog: "none" | "help" | "palette" | "import" }
  | { dialog: "search"; typed: string }
  | { dialog: "rename" | "delete"; entry: ListEntry };

function Frame() {
  const client = useClient();
  const words = useWords();
  const current = useConversationId();
  const page = usePage();
  const [pageTitle, setPageTitle] = useState("");
  const wide = useMedia(WIDE);
  const [beside, setBeside] = useState(() => preference.read("sidebar") !== "hidden");
  const [drawer, setDrawer] = useState(false);
  const [open, setOpen] = useState<Open>({ dialog: "none" });
  /** The conversation in which something is being looked for. */
  const [finding, setFinding] = useState<string | null>(null);
  const composer = useRef<ComposerHandle>(null);
  const sidebar = useRef<SidebarHandle>(null);
  useVisibleHeight();
  useUploadGuard();
  useCallBack(current, page ? pageTitle : "");

  const showBeside = useCallback((shown: boolean) => {
    preference.write("sidebar", shown ? "shown" : "hidden");
    setBeside(shown);
  }, []);
  const toggleSidebar = useCallback(() => {
    if (wide) showBeside(!beside);
    else setDrawer((shown) => !shown);
  }, [wide, beside, showBeside]);

  const go = useCallback((conversation: string | null) => {
    navigate(conversation);
    setDrawer(false);
  }, []);
  const goTo = useCallback((kind: Kept) => {
    openPage(kind);
    setDrawer(false);
  }, []);

  const stop = useCallback(
    (view: ConversationView): boolean => {
      if (!isActive(view.run) || view.stopping) return false;
      void client.stop(view.id);
      return true;
    },
    [client],
  );

  // On a wide screen the cursor stands where one writes; on a phone that would open the keyboard.
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each change of the conversation.
  useEffect(() => {
    if (wide) composer.current?.focus();
  }, [current, page === null]);

  const search = useCallback(() => {
    if (wide) showBeside(true);
    else setDrawer(true);
    setTimeout(() => sidebar.current?.focusSearch());
  }, [wide, showBeside]);

  const searchTexts = useCallback((typed: string) => {
    setDrawer(false);
    setOpen({ dialog: "search", typed });
  }, []);
  const bringIn = useCallback(() => {
    setDrawer(false);
    setOpen({ dialog: "import" });
  }, []);
  const find = useCallback((): boolean => {
    const field = document.querySelector<HTMLInputElement>("[data-testid=find-input]");
    // Pressed once more, the browser's own is wanted.
    if (current === null || (field !== null && field === document.activeElement)) return false;
    setFinding(current);
    field?.select();
    return true;
  }, [current]);

  const doing = useMemo(
    () => ({
      go,
      search,
      searchTexts,
      bringIn,
      find: () => void find(),
      toggleSidebar,
      focusComposer: () => composer.current?.focus(),
      help: () => setOpen({ dialog: "help" }),
      page: goTo,
      rename: (entry: ListEntry) => setOpen({ dialog: "rename", entry }),
      remove: (entry: ListEntry) => setOpen({ dialog: "delete", entry }),
    }),
    [go, goTo, search, searchTexts, bringIn, find, toggleSidebar],
  );

  useShortcuts(
    useMemo(
      () => ({
        newConversation: () => {
          go(null);
          setTimeout(() => composer.current?.focus());
        },
        search,
        find,
        focusComposer: () => composer.current?.focus(),
        toggleSidebar,
        palette: () => setOpen({ dialog: "palette" }),
        help: () => setOpen({ dialog: "help" }),
        stop: () => current !== null && stop(client.conversation(current).getSnapshot()),
      }),
      [go, search, find, toggleSidebar, current, client, stop],
    ),
  );

  const close = () => setOpen({ dialog: "none" });
  const { rename, remove } = doing;
  const list = (
    <Sidebar
      ref={sidebar}
      current={current}
      onGo={go}
      onRename={rename}
      onDelete={remove}
      onSearch={searchTexts}
      onImport={bringIn}
      onHelp={() => {
        setDrawer(false);
        setOpen({ dialog: "help" });
      }}
      page={page?.kind ?? null}
      onPage={goTo}
      onClose={() => (wide ? showBeside(false) : setDrawer(false))}
    />
  );
  const sidebarHidden = !wide || !beside;
  const showSidebar = useCallback(() => (wide ? showBeside(true) : setDrawer(true)), [wide, showBeside]);
  const surroundings = useMemo(
    () => ({ sidebarHidden, onSidebar: showSidebar, onTitle: setPageTitle }),
    [sidebarHidden, showSidebar],
  );
  const header = {
    sidebarHidden,
    onSidebar: showSidebar,
    onRename: rename,
    onDelete: remove,
    onFind: () => void find(),
  };

  return (
    <div className="app-frame safe-x flex overflow-hidden" data-testid="app" data-phase="ready">
      <button
        type="button"
        className="skip-link"
        data-testid="skip-link"
        onClick={() => (page ? document.getElementById("page-title")?.focus() : composer.current?.focus())}
      >
        {words.t(page ? "app.skip_to_page" : "app.skip")}
      </button>
      {wide && beside && <aside className="w-68 flex-none border-r border-line">{list}</aside>}
      {!wide && drawer && (
        <Dialog
          title={words.t("list.title")}
          hideTitle
          className="drawer"
          testid="drawer"
          onClose={() => setDrawer(false)}
        >
          {list}
        </Dialog>
      )}
      <main className="flex min-w-0 flex-1 flex-col">
        <Banner />
        {page !== null ? (
          <Guard key={page.kind} fallback={<PageMissing />}>
            <Suspense fallback={null}>
              <SurroundingsProvider value={surroundings}>
                <Beside page={page} />
              </SurroundingsProvider>
            </Suspense>
          </Guard>
        ) : current === null ? (
          <NewPage composer={composer} header={header} />
        ) : (
          <ConversationPage
            key={current}
            id={current}
            composer={composer}
            header={header}
            finding={finding === current}
            onFound={() => {
              setFinding(null);
              composer.current?.focus();
            }}
            onStop={(view) => void stop(view)}
          />
        )}
      </main>
      {open.dialog === "help" && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <HelpDialog onClose={close} />
          </Suspense>
        </Guard>
      )}
      {open.dialog === "search" && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <SearchDialog typed={open.typed} onClose={close} />
          </Suspense>
        </Guard>
      )}
      {open.dialog === "import" && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <ImportDialog onClose={close} />
          </Suspense>
        </Guard>
      )}
      {open.dialog === "palette" && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <Palette current={current} doing={doing} onClose={close} />
          </Suspense>
        </Guard>
      )}
      {open.dialog === "rename" && <RenameDialog entry={open.entry} onClose={close} />}
      {open.dialog === "delete" && (
        <DeleteDialog
          entry={open.entry}
          onClose={close}
          onDeleted={(id) => id === current && navigate(null, true)}
        />
      )}
    </div>
  );
}

/** Instead of a page that could not be loaded; what was written is in the drafts. */
function PageMissing() {
  const words = useWords();
  return (
    <div
      role="alert"
      className="grid min-h-0 flex-1 place-items-center px-6 text-center"
      data-testid="page-missing"
    >
      <div>
        <p className="font-medium">{words.t("app.broken")}</p>
        <p className="mt-1 text-sm text-ink-2">{words.t("app.broken_hint")}</p>
        <a className="button mt-4" href={window.location.pathname}>
          {words.t("net.reload")}
        </a>
      </div>
    </div>
  );
}

/** A page beside the conversations. */
function Beside({ page }: { page: Page }) {
  if (page.kind === "schedules") return <SchedulesPage page={page} />;
  if (page.kind === "triggers") return <TriggersPage page={page} />;
  return <NotesPage />;
}
