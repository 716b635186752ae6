import type { Connection } from "../sync";

/** How long the link must have been down before it is worth a word (ms). */
export const PATIENCE = 3000;

export type BannerState =
  | { status: "none" }
  | { status: "connecting"; attempt: number; turnMs: number | null; lastSyncedAt: number | null }
  | { status: "offline"; attempt: number; waitMs: number; crowded: boolean; lastSyncedAt: number | null }
  | { status: "goaway"; reason: "protocol" | "logged_out" | "part_missing" };

/**
 * What the banner shows at `now` (local ms). A link that is back within `PATIENCE` is never mentioned. `missing`: a part
 * of the page could not be loaded, which is said once there is a link with which a reload would help.
 */
export function bannerOf(connection: Connection, now: number, missing = false): BannerState {
  if (connection.status === "open") {
    return missing ? { status: "goaway", reason: "part_missing" } : { status: "none" };
  }
  if (connection.status === "goaway") return { status: "goaway", reason: connection.reason };
  if (now - connection.downSince < PATIENCE) return { status: "none" };
  const { attempt, lastSyncedAt } = connection;
  if (connection.status === "connecting") {
    const turnMs = connection.turnAt === null ? null : Math.max(0, connection.turnAt - now);
    return { status: "connecting", attempt, turnMs, lastSyncedAt };
  }
  const waitMs = Math.max(0, connection.retryAt - now);
  return { status: "offline", attempt, waitMs, crowded: connection.said === "crowded", lastSyncedAt };
}
