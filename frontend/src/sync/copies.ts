// Conversations that begin whole: copies, and those that are brought in from a file.
import type { LocalFile } from "./files";
import type { Http } from "./http";
import type { Clock } from "./ports";
import { HttpError } from "./problem";

/** A conversation that was made. `missing`: names of files that it lacks; `closed`: something open in it was closed. */
export interface Begun {
  id: string;
  missing: readonly string[];
  closed: boolean;
}

export interface Copies {
  /** Copy what is shown of a conversation, up to and with an item, or all of it. Rejects with `HttpError`. */
  copy(conversation: string, item?: string): Promise<Begun>;
  /** Make a conversation of an exported one. The same file again makes no second one. Rejects with `HttpError`. */
  bringIn(file: LocalFile, progress: (fraction: number) => void): Promise<Begun>;
}

const CONVERSATIONS = "/api/conversations";
/** How often a copy is asked for when no answer comes, and the pause before the next try (ms). */
const TRIES = 3;
const PAUSE_MS = 1_000;

export class HttpCopies implements Copies {
  readonly #ids = new WeakMap<LocalFile, string>();

  /** `limit`: bytes that a file may have. */
  constructor(
    private readonly http: Pick<Http, "request" | "sendFile">,
    private readonly clock: Clock,
    private readonly uuid: () => string,
    private readonly limit: () => number,
  ) {}

  async copy(conversation: string, item?: string): Promise<Begun> {
    const path = `${CONVERSATIONS}/${encodeURIComponent(conversation)}/copies`;
    const body = { id: this.uuid(), ...(item === undefined ? {} : { message: item }) };
    for (let tries = 1; ; tries++) {
      try {
        return (await this.http.request("POST", path, body)) as Begun;
      } catch (error) {
        // The copy may be there already: the same id makes no other one.
        if (tries === TRIES || !unanswered(error)) throw error;
      }
      await new Promise<void>((resolve) => this.clock.after(PAUSE_MS * tries, resolve));
    }
  }

  async bringIn(file: LocalFile, progress: (fraction: number) => void): Promise<Begun> {
    if (file.size === 0) throw refusal("empty");
    if (file.size > this.limit()) throw refusal("too_large");
    const id = this.#ids.get(file) ?? this.uuid();
    this.#ids.set(file, id);
    return (await this.http.sendFile(`${CONVERSATIONS}/import`, { id }, file, progress).answer) as Begun;
  }
}

function unanswered(error: unknown): boolean {
  return error instanceof HttpError && (error.problem.code === "offline" || error.problem.code === "server");
}

function refusal(reason: string): HttpError {
  return new HttpError({ code: "refused", status: 0, detail: "", reason, retry: false });
}
