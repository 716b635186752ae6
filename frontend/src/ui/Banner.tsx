import { CloudOff, LoaderCircle, LogIn, RefreshCw } from "lucide-react";
import { LOGIN } from "./addresses";
import { useMissingChunk } from "./chunks";
import { useClient, useConnection } from "./client";
import { useWords, type Words } from "./i18n";
import { type BannerState, bannerOf } from "./outage";
import { useNow } from "./ticker";

const localClock = () => Date.now();

const GOODBYES = {
  protocol: "net.outdated",
  logged_out: "net.logged_out",
  part_missing: "net.part_missing",
} as const;

/** The banner's state, looked at again while the link is down. */
export function useBanner() {
  const connection = useConnection();
  const now = useNow(localClock, connection.status !== "open", 500);
  return bannerOf(connection, now, useMissingChunk());
}

/** What happens next, in words. */
function nextStep(state: Extract<BannerState, { status: "connecting" | "offline" }>, words: Words): string {
  if (state.status === "offline") {
    return words.t("net.retry_in", { time: words.duration(state.waitMs), n: state.attempt });
  }
  if (state.turnMs === null) return words.t("net.trying", { n: state.attempt });
  return words.t("net.turn_in", { time: words.duration(Math.max(1_000, state.turnMs)) });
}

/** Says honestly that there is no link, what happens next, and how old is what is shown. */
export function Banner() {
  const client = useClient();
  const words = useWords();
  const state = useBanner();
  if (state.status === "none") return null;
  if (state.status === "goaway") {
    const out = state.reason === "logged_out";
    const back = `${LOGIN}?next=${encodeURIComponent(window.location.pathname)}`;
    return (
      <Frame status="goaway">
        <p className="min-w-0 flex-1 leading-snug" role="alert">
          <span className="mr-1.5 font-medium">{words.t(GOODBYES[state.reason])}</span>
          {!out && <span className="text-ink-2">{words.t("net.nothing_lost")}</span>}
        </p>
        <a className="button small" href={out ? back : window.location.pathname}>
          {out ? <LogIn size={14} aria-hidden="true" /> : <RefreshCw size={14} aria-hidden="true" />}
          {words.t(out ? "net.log_in" : "net.reload")}
        </a>
      </Frame>
    );
  }
  const trying = state.status === "connecting";
  const next = nextStep(state, words);
  const stop = words.t("mark.stop");
  return (
    <Frame status={state.status}>
      {trying ? (
        <LoaderCircle size={16} className="spin flex-none text-warn" aria-hidden="true" />
      ) : (
        <CloudOff size={16} className="flex-none text-warn" aria-hidden="true" />
      )}
      <p className="min-w-0 flex-1 leading-snug">
        <span className="font-medium">
          {words.t(state.status === "offline" && state.crowded ? "net.crowded" : "net.offline")}
        </span>
        {stop}
        <span className="tabular-nums">{next}</span>
        {stop}
        <span className="text-ink-2" data-testid="last-synced">
          {state.lastSyncedAt === null
            ? words.t("net.never_synced")
            : words.t("net.last_synced", { time: words.clock(state.lastSyncedAt) })}
        </span>
        <span className="hidden text-ink-2 sm:inline">
          {stop}
          {words.t("net.kept")}
        </span>
      </p>
      <button
        type="button"
        className="button small"
        disabled={trying}
        data-testid="try-now"
        onClick={() => client.reconnect()}
      >
        {words.t("net.try_now")}
      </button>
    </Frame>
  );
}

function Frame({ status, children }: { status: string; children: React.ReactNode }) {
  return (
    <div
      className="flex items-center gap-2.5 border-b border-warn-line bg-warn-soft px-4 py-2 text-[0.8125rem]"
      data-testid="banner"
      data-status={status}
    >
      {children}
    </div>
  );
}
