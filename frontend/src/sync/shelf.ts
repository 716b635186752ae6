// The outbox on its shelf: a storage that outlives the tab and is shared by the tabs of one browser, one key per command.
import type { FailureCode } from "./api";
import type { Storage } from "./ports";
import type { AttachmentRef, CommandBody } from "./protocol.gen";

/** What is stored of a command that has no result yet. */
export interface Kept {
  id: string;
  conversation: string;
  body: CommandBody;
  /** When it was made, local ms. */
  at: number;
  failed: FailureCode | null;
  /** What the message carries, so that it can be shown before the server has it. */
  files?: readonly AttachmentRef[];
  /** Ids of files that have not arrived at the server; it is not sent before they have. */
  held?: readonly string[];
}

export class Shelf {
  readonly #prefix: string;

  constructor(
    private readonly storage: Storage,
    user: string,
  ) {
    this.#prefix = `holdfast.outbox.${encodeURIComponent(user)}.`;
  }

  ids(): string[] {
    return this.storage.keys(this.#prefix).map((key) => key.slice(this.#prefix.length));
  }

  get(id: string): Kept | null {
    return parse(this.storage.get(this.#prefix + id));
  }

  /** Throws what the storage throws when there is no room. */
  put({ id, conversation, body, at, failed, files, held }: Kept): void {
    const kept: Kept = { id, conversation, body, at, failed, ...carried(files, held) };
    this.storage.set(this.#prefix + id, JSON.stringify(kept));
  }

  remove(id: string): void {
    this.storage.remove(this.#prefix + id);
  }

  /** What another tab did to a key: which command, and what is left of it; null when the key is none of ours. */
  foreign(key: string, value: string | null): { id: string; kept: Kept | null } | null {
    return key.startsWith(this.#prefix) ? { id: key.slice(this.#prefix.length), kept: parse(value) } : null;
  }
}

function carried(files: Kept["files"], held: Kept["held"]): Pick<Kept, "files" | "held"> {
  return { ...(files?.length ? { files } : {}), ...(held?.length ? { held } : {}) };
}

/** A stored command, or null for what is none (another version wrote it, or it was removed meanwhile). */
function parse(text: string | null): Kept | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Partial<Kept> | null;
    if (typeof kept?.id !== "string" || typeof kept.conversation !== "string") return null;
    if (typeof kept.at !== "number" || typeof kept.body?.kind !== "string") return null;
    const { id, conversation, body, at, failed = null, files, held } = kept;
    return { id, conversation, body, at, failed, ...carried(files, held) };
  } catch {
    return null;
  }
}
