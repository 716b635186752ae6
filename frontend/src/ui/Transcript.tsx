import { ArrowDown, LoaderCircle } from "lucide-react";
import { type MouseEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import type { ConversationView, MessageItem } from "../sync";
import { useAgentName, useClient } from "./client";
import { useWords } from "./i18n";
import { Guard } from "./parts/Guard";
import { KeptProvider } from "./parts/kept";
import { CopiedRow } from "./rows/CopiedRow";
import { GapRow } from "./rows/GapRow";
import { MessageRow, PendingRow } from "./rows/MessageRow";
import { OtherBranches } from "./rows/OtherBranches";
import { AgentRow, NoteRow, NoticeRow } from "./rows/QuietRows";
import { StepRow } from "./rows/StepRow";
import { useStickToEnd } from "./stickToEnd";
import { useJump } from "./useJump";
import { usePlace, usePlaceBefore } from "./usePlace";
import { type Row, rowsOf, rowsToKeep } from "./view";

/** Older messages are asked for when this little (px) is left above. */
const NEAR_START = 600;

/** The messages of one conversation, newest at the bottom. Mount one per conversation (`key`). */
export function Transcript({
  view,
  agent,
  onTakenBack,
}: {
  view: ConversationView;
  agent: string | undefined;
  onTakenBack: (item: MessageItem) => void;
}) {
  const words = useWords();
  const name = useAgentName(agent);
  const rows = useMemo(
    () =>
      rowsOf({
        items: view.items,
        pending: view.pending,
        run: view.run,
        branches: view.branches,
        seen: view.seen,
        older: view.older,
        gap: view.gap,
        info: view.info,
      }),
    [view.items, view.pending, view.run, view.branches, view.seen, view.older, view.gap, view.info],
  );
  const keep = useMemo(() => rowsToKeep(rows), [rows]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const before = usePlaceBefore(view.id);
  const stick = useStickToEnd(scroller, list, rows, before === null);
  const { away, onScroll, onResize, hold, jump, hands, isFollowed } = stick;
  const shift = usePrepended(rows);
  const loadOlder = useOlder(view, scroller);
  const newest = view.items[view.items.length - 1];
  const { marked, failed } = useJump(view, rows, list, hold);
  const upwards = useDirection(scroller);
  const [keepPlace, leavePlace] = usePlace(view, rows, { scroller, list }, before, {
    follows: isFollowed,
    hold,
    give: jump,
  });

  return (
    <div className="relative min-h-0 flex-1">
      {/* While text streams the list is always being scrolled, and lets nothing be clicked then if it is let. */}
      <div
        ref={scroller}
        role="log"
        aria-live="off"
        aria-label={words.t("log.label", { agent: name })}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the log is scrolled by keyboard.
        tabIndex={0}
        className={`transcript h-full overflow-x-hidden overflow-y-auto overscroll-contain transition-[filter,opacity] duration-500 [&>div]:pointer-events-auto! [overflow-anchor:none] focus-visible:-outline-offset-4 ${view.synced ? "" : "opacity-95 grayscale-[0.7]"}`}
        onClickCapture={(event) => isToggle(event) && hold()}
        {...hands}
        data-testid="transcript"
        data-conversation={view.id}
        data-phase={view.phase}
        data-synced={view.synced}
        data-seq={newest?.seq ?? 0}
        data-older={view.older}
        data-items={view.items.length}
      >
        <KeptProvider>
          <Virtualizer
            ref={list}
            data={rows as Row[]}
            shift={shift}
            keepMounted={keep}
            bufferSize={600}
            onScroll={() => {
              onScroll();
              loadOlder();
              keepPlace();
            }}
            onResize={onResize}
          >
            {(row, index) => (
              <div
                key={row.key}
                data-row={row.key}
                data-marked={row.key === marked || undefined}
                tabIndex={-1}
                className={`row mx-auto max-w-3xl px-4 md:px-6 ${index === 0 ? "pt-4" : ""} ${index === rows.length - 1 ? "pb-6" : ""}`}
              >
                <Guard fallback={<p className="py-3 text-sm text-danger">…</p>}>
                  {row.type === "gap" ? (
                    <GapRow conversation={view.id} items={view.items.length} upwards={upwards} />
                  ) : (
                    <RowView row={row} conversation={view.id} agent={agent} onTakenBack={onTakenBack} />
                  )}
                </Guard>
              </div>
            )}
          </Virtualizer>
        </KeptProvider>
      </div>
      <OlderState view={view} onRetry={loadOlder} />
      {failed && (
        <p
          className="absolute inset-x-0 top-2 mx-auto w-fit rounded-full border border-line bg-raised px-3 py-1 text-xs text-danger shadow-soft"
          role="alert"
        >
          {words.t("log.jump_failed")}
        </p>
      )}
      {away && (
        <button
          type="button"
          className="button absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full! shadow-soft"
          data-testid="jump-to-latest"
          onClick={() => {
            leavePlace();
            jump();
          }}
        >
          <ArrowDown size={15} aria-hidden="true" />
          {words.t("log.jump")}
        </button>
      )}
    </div>
  );
}

function RowView({
  row,
  conversation,
  agent,
  onTakenBack,
}: {
  row: Exclude<Row, { type: "gap" }>;
  conversation: string;
  agent: string | undefined;
  onTakenBack: (item: MessageItem) => void;
}) {
  if (row.type === "pending") return <PendingRow conversation={conversation} message={row.message} />;
  if (row.type === "copied") return <CopiedRow from={row.from} />;
  if (row.type === "branches")
    return <OtherBranches conversation={conversation} fork={row.fork} running={row.running} />;
  const { item, fork, again } = row;
  switch (item.kind) {
    case "message":
      return (
        <MessageRow
          conversation={conversation}
          item={item}
          waits={row.waits}
          fork={fork}
          again={again}
          onTakenBack={onTakenBack}
        />
      );
    case "note":
      return <NoteRow conversation={conversation} item={item} fork={fork} />;
    case "notice":
      return <NoticeRow conversation={conversation} agent={agent} item={item} fork={fork} again={again} />;
    case "agent":
      return <AgentRow item={item} />;
    case "step":
      return (
        <StepRow
          conversation={conversation}
          agent={item.agent ?? row.answered ?? agent}
          item={item}
          opens={row.opens}
          closes={row.closes}
          goesOn={row.goesOn}
          fork={fork}
          again={again}
        />
      );
  }
}

function OlderState({ view, onRetry }: { view: ConversationView; onRetry: () => void }) {
  const words = useWords();
  if (view.older !== "loading" && view.older !== "failed") return null;
  return (
    <div className="pointer-events-none absolute inset-x-0 top-2 flex justify-center">
      <div className="pointer-events-auto flex items-center gap-2 rounded-full border border-line bg-raised px-3 py-1 text-xs text-ink-2 shadow-soft">
        {view.older === "loading" ? (
          <>
            <LoaderCircle size={13} className="spin" aria-hidden="true" />
            {words.t("log.loading_older")}
          </>
        ) : (
          <>
            {words.t("log.older_failed")}
            <button type="button" className="font-medium text-accent" onClick={onRetry}>
              {words.t("app.try_again")}
            </button>
          </>
        )}
      </div>
    </div>
  );
}

/** A click that opens or closes something: what grows then must not push the thing clicked away. */
function isToggle(event: MouseEvent): boolean {
  return event.target instanceof Element && event.target.closest("[aria-expanded], [data-holds]") !== null;
}

/** True in the render in which rows were put before the first one, or before the first one behind a gap: the list then
 * keeps its place. */
function usePrepended(rows: readonly Row[]): boolean {
  const first = useRef<(string | undefined)[]>([]);
  const gap = rows.findIndex((row) => row.type === "gap");
  const top = rows[0]?.key;
  const behind = gap < 0 ? undefined : rows[gap + 1]?.key;
  const prepended = [top, behind].some((key, place) => {
    const before = first.current[place];
    return before !== undefined && key !== before && rows.some((row) => row.key === before);
  });
  useLayoutEffect(() => {
    first.current = [top, behind];
  }, [top, behind]);
  return prepended;
}

/** Whether the reader has scrolled up last. */
function useDirection(scroller: React.RefObject<HTMLDivElement | null>): () => boolean {
  const up = useRef(false);
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const heard = (event: WheelEvent) => {
      up.current = event.deltaY < 0;
    };
    const pressed = (event: KeyboardEvent) => {
      if (["ArrowUp", "PageUp", "Home"].includes(event.key)) up.current = true;
      if (["ArrowDown", "PageDown", "End", " "].includes(event.key)) up.current = event.shiftKey;
    };
    let last = box.scrollTop;
    const touched = () => {
      up.current = box.scrollTop < last;
      last = box.scrollTop;
    };
    box.addEventListener("wheel", heard, { passive: true });
    box.addEventListener("keydown", pressed);
    box.addEventListener("touchmove", touched, { passive: true });
    return () => {
      box.removeEventListener("wheel", heard);
      box.removeEventListener("keydown", pressed);
      box.removeEventListener("touchmove", touched);
    };
  }, [scroller]);
  return useCallback(() => up.current, []);
}

/** Loads older pages while there is little left above; also when all that is shown does not fill the screen, and when a page
 * that has come left the reader at its top, where no scrolling would ask for another one. */
function useOlder(view: ConversationView, scroller: React.RefObject<HTMLDivElement | null>): () => void {
  const client = useClient();
  const { id, older } = view;
  // Once somebody has been up there, what comes next need not be asked for by another movement.
  const asked = useRef(false);
  const load = useCallback(() => {
    const box = scroller.current;
    if (!box || older !== "more" || box.scrollTop >= NEAR_START) return;
    asked.current = true;
    void client.loadOlder(id);
  }, [client, id, older, scroller]);
  const retry = useCallback(() => {
    if (older === "failed") void client.loadOlder(id);
    else load();
  }, [client, id, older, load]);
  useEffect(() => {
    // After the list has measured itself and gone to its end.
    const timer = setTimeout(() => {
      const box = scroller.current;
      if (box === null) return;
      const short = box.scrollHeight <= box.clientHeight + 1;
      if (short || asked.current) load();
    }, 120);
    return () => clearTimeout(timer);
  }, [load, scroller]);
  return older === "failed" ? retry : load;
}
