// The state of a session, as the reducer moves it.
import type { BranchesView, Info, Item, RunView, SeenView } from "./protocol.gen";

/** What a session shows: `items` in ascending seq, the newest `WINDOW` and every older step with an open call. */
export interface State {
  readonly info: Info | null;
  readonly run: RunView | null;
  readonly items: readonly Item[];
  /** Only of a conversation with branches: which is shown, and up to where each was read. */
  readonly branches?: BranchesView;
  readonly seen?: SeenView;
}
