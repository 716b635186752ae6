// Being called back: the title of the tab, its icon and the browser's notifications say what happens in conversations that
// nobody is looking at.
import type { ListEntry } from "../sync";
import { isActiveStatus } from "./view";

export type Call = { id: string; title: string; what: "finished" | "failed" | "waiting" };

/** What somebody wants to hear of when one list follows another: an answer, a failure, a question. */
export function callsOf(before: readonly ListEntry[], after: readonly ListEntry[]): Call[] {
  const was = new Map(before.map((entry) => [entry.id, entry.run_status]));
  return after.flatMap(({ id, title, run_status }): Call[] => {
    const status = was.get(id);
    // Of what was not in the list before nothing is known to have happened now.
    if (status == null || run_status === null || status === run_status) return [];
    if (run_status === "waiting") return [{ id, title, what: "waiting" }];
    if (!isActiveStatus(status)) return [];
    return run_status === "finished" || run_status === "failed" ? [{ id, title, what: run_status }] : [];
  });
}

/** The title of the tab: how many conversations have something new, what the one that is shown does, and its name. */
export function tabTitle(name: string, unread: number, status: string | null, product: string): string {
  const count = unread > 0 ? `(${unread}) ` : "";
  const mark = status === "waiting" ? "❗ " : status !== null && isActiveStatus(status as never) ? "… " : "";
  return `${count}${mark}${name === "" ? product : `${name} · ${product}`}`;
}

/** Whether the browser can notify, may, or has not been asked. */
export function permission(): NotificationPermission | "unsupported" {
  return typeof Notification === "undefined" ? "unsupported" : Notification.permission;
}

/** The icon of the tab, with a dot or without; and the badge of an installed page. */
export function showBadge(unread: number): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const wanted = unread > 0 ? "icon-new.svg" : "icon.svg";
  if (link && !link.href.endsWith(`/${wanted}`)) link.href = link.href.replace(/icon(-new)?\.svg$/, wanted);
  const badge = navigator as Navigator & { setAppBadge?: (n: number) => Promise<void> };
  void badge.setAppBadge?.(unread).catch(() => {});
}
