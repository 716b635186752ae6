import { BellRing, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { ConversationView } from "../sync";
import { callsOf, permission, showBadge, tabTitle } from "./callback";
import { useClient, useList, useSetup } from "./client";
import { useWords } from "./i18n";
import { preference } from "./preferences";
import { navigate } from "./route";
import { isUnread, useSeen } from "./unread";
import { isActive } from "./view";

/** A run that takes longer (ms) makes one look elsewhere: then it is useful to be called back. */
const LONG_RUN = 6_000;

function looksHere(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

/** Ids of the conversations that have something new for whoever reads here. */
export function useUnread(): ReadonlySet<string> {
  const { boot } = useSetup();
  const { conversations } = useList();
  const [seen] = useSeen(boot.user, useClient().now);
  return useMemo(
    () => new Set(conversations.filter((entry) => isUnread(entry, seen)).map(({ id }) => id)),
    [conversations, seen],
  );
}

/**
 * Keeps title, icon and marks up to date, and notifies of what happens where nobody looks. Once per page. `name`: what is shown,
 * if it is no conversation.
 */
export function useCallBack(current: string | null, name = ""): void {
  const client = useClient();
  const words = useWords();
  const { boot } = useSetup();
  const { conversations } = useList();
  const [, look] = useSeen(boot.user, client.now);
  const unread = useUnread();
  const entry = conversations.find(({ id }) => id === current);
  const changed = entry?.updated_at ?? 0;

  useEffect(() => {
    if (current === null) return;
    const seen = () => {
      if (looksHere()) look(current, Math.max(changed, client.now()));
    };
    seen();
    window.addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    window.addEventListener("pagehide", seen);
    return () => {
      // What came to its end since the list was told last was seen, too: the list hears of it a moment later.
      seen();
      window.removeEventListener("pagehide", seen);
      window.removeEventListener("focus", seen);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [current, changed, client, look]);

  const others = unread.size;
  const title = tabTitle(entry?.title ?? name, others, entry?.run_status ?? null, words.t("app.name"));
  useEffect(() => {
    document.title = title;
    showBadge(others);
  }, [title, others]);

  const before = useRef(conversations);
  useEffect(() => {
    const calls = callsOf(before.current, conversations);
    before.current = conversations;
    if (permission() !== "granted" || preference.read("notify") !== "on") return;
    for (const { id, title: name, what } of calls) {
      if (id === current && looksHere()) continue;
      // The same tag in every tab: one notification, whichever of them tells it.
      const told = new Notification(name || words.t("list.untitled"), {
        body: words.t(`notify.${what}`),
        tag: `holdfast-${id}`,
      });
      told.onclick = () => {
        window.focus();
        navigate(id);
        told.close();
      };
    }
  }, [conversations, current, words]);
}

/** Whether notifications are wanted and allowed, and how to change that; the browser asks when they are wanted first. */
export function useNotify(): ["on" | "off", (wanted: "on" | "off") => void] {
  const [notify, set] = useState<"on" | "off">(() =>
    preference.read("notify") === "on" && permission() === "granted" ? "on" : "off",
  );
  const choose = async (wanted: "on" | "off") => {
    const given = wanted === "on" ? await Notification.requestPermission() : "denied";
    const now = given === "granted" ? "on" : "off";
    preference.write("notify", now);
    set(now);
  };
  return [notify, (wanted) => void choose(wanted)];
}

/** Offers to call back, once a run takes long; and never again once it was answered. */
export function OfferCallBack({ view }: { view: ConversationView }) {
  const words = useWords();
  const client = useClient();
  const [asked, setAsked] = useState(() => preference.read("notify") !== null || permission() !== "default");
  const [long, setLong] = useState(false);
  // One that waits for a decision has called already.
  const works = isActive(view.run) && view.run.status !== "waiting";
  const began = works ? (view.run?.started_at ?? view.run?.queued_at ?? null) : null;
  useEffect(() => {
    setLong(false);
    if (began === null || asked) return;
    const timer = setTimeout(() => setLong(true), Math.max(0, LONG_RUN - (client.now() - began)));
    return () => clearTimeout(timer);
  }, [began, asked, client]);
  if (asked || !long) return null;
  const answer = async (wanted: boolean) => {
    setAsked(true);
    const given = wanted ? await Notification.requestPermission() : "denied";
    preference.write("notify", given === "granted" ? "on" : "off");
  };
  return (
    <span className="flex min-w-0 items-center gap-1" data-testid="offer-callback">
      <button
        type="button"
        className="button small min-w-0"
        data-testid="call-back"
        onClick={() => void answer(true)}
      >
        <BellRing size={13} className="flex-none" aria-hidden="true" />
        <span className="truncate">{words.t("notify.offer")}</span>
      </button>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("notify.no")}
        onClick={() => void answer(false)}
      >
        <X size={13} />
      </button>
    </span>
  );
}
