// What a run did with its time, as GET …/runs/<run>/timeline tells it (chat/journal/timeline.py).

type SpanKind = "queued" | "model" | "call" | "approval" | "waiting" | "lost" | "retrying";

export interface Span {
  /** `lost`: nobody owned the run, because its worker was gone. */
  readonly kind: SpanKind | (string & {});
  /** Of a model or a tool its name; of a wait or a loss its reason. */
  readonly name: string;
  /** Server's ms; `end` null: it goes on. */
  readonly start: number;
  readonly end: number | null;
  readonly attempt: number;
  readonly worker: string;
  readonly outcome: string;
}

export interface Timeline {
  readonly run: string;
  /** The server's clock when it was asked. */
  readonly now: number;
  readonly spans: readonly Span[];
  /** There is more than is told. */
  readonly cut: boolean;
}
