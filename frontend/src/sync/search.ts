// What a search looks through.

export interface SearchFilters {
  /** None, or all: everything that was said and given. */
  kinds?: readonly ("message" | "answer" | "result")[];
  agent?: string;
  entrance?: string;
  /** Only what was put away, or only what was not; both if it does not say. */
  archived?: boolean;
  /** By the server's clock (ms). */
  since?: number;
}
