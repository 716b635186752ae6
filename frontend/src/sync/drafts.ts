// What a person has written and not sent, per conversation, in a storage that outlives the tab: a reload, a closed
// browser or a new version of the page lose nothing of it. Of files it keeps what the server answered; a file that had
// not arrived is lost with its tab.
import type { Upload } from "./files";
import type { Storage } from "./ports";
import type { AttachmentRef } from "./protocol.gen";

/** Drafts of one person in one browser; the oldest beyond them is forgotten. */
const MAX_DRAFTS = 100;
/** The server keeps a file that was not sent for a day; a draft names it for a little less. */
const FILES_MS = 20 * 3_600_000;

export interface Draft {
  readonly text: string;
  /** Ids of the files that were chosen, on their way or there. */
  readonly files: readonly string[];
}

/** `conversation` null: the message that begins a new one. */
export interface Drafts {
  get(conversation: string | null): Draft;
  /** An empty draft is forgotten. Never throws: without room in the storage it lasts as long as the tab. */
  set(conversation: string | null, draft: Draft): void;
  /** Forget all of this person, for whoever uses the browser next. */
  clear(): void;
}

/** A draft as it is stored. */
interface Stored {
  text: string;
  files: readonly AttachmentRef[];
  at: number;
}

const BLANK: Draft = { text: "", files: [] };

export class KeptDrafts implements Drafts {
  readonly #held = new Map<string, Draft>();
  #prefix: string | null = null;

  /** `uploadOf`: the file of an id; `restore` puts one back that the server has. */
  constructor(
    private readonly storage: Storage,
    private readonly now: () => number,
    private readonly uploadOf: (id: string) => Upload | undefined,
    private readonly restore: (ref: AttachmentRef) => void,
  ) {}

  /** Whose drafts they are; what was kept of this person is read. */
  identify(user: string): void {
    this.#prefix = `holdfast.draft.${encodeURIComponent(user)}.`;
    const kept = this.storage.keys(this.#prefix).flatMap((key) => {
      const stored = parse(this.storage.get(key));
      if (stored === null) this.storage.remove(key);
      return stored === null ? [] : [{ key, stored }];
    });
    kept.sort((a, b) => b.stored.at - a.stored.at);
    for (const { key } of kept.slice(MAX_DRAFTS)) this.storage.remove(key);
    for (const { key, stored } of kept.slice(0, MAX_DRAFTS)) this.#read(key, stored);
  }

  get(conversation: string | null): Draft {
    return this.#held.get(nameOf(conversation)) ?? BLANK;
  }

  set(conversation: string | null, draft: Draft): void {
    const name = nameOf(conversation);
    if (isBlank(draft)) this.#held.delete(name);
    else this.#held.set(name, draft);
    this.#write(name);
  }

  clear(): void {
    this.#held.clear();
    if (this.#prefix !== null) for (const key of this.storage.keys(this.#prefix)) this.storage.remove(key);
  }

  /** A file has arrived at the server, or has left: drafts that name it are written again. */
  uploaded(id: string): void {
    for (const [name, { files }] of this.#held) if (files.includes(id)) this.#write(name);
  }

  /** Another tab changed a key. What is being written in this tab is not touched; it is written again with its next letter. */
  foreign(key: string, value: string | null): void {
    if (this.#prefix === null || !key.startsWith(this.#prefix)) return;
    const stored = parse(value);
    if (stored === null) this.#held.delete(key.slice(this.#prefix.length));
    else this.#read(key, stored);
  }

  #read(key: string, { text, files, at }: Stored): void {
    const there = this.now() - at < FILES_MS ? files : [];
    for (const ref of there) this.restore(ref);
    const draft = { text, files: there.map(({ id }) => id) };
    if (!isBlank(draft)) this.#held.set(key.slice(this.#prefix?.length), draft);
  }

  #write(name: string): void {
    if (this.#prefix === null) return;
    const { text, files } = this.#held.get(name) ?? BLANK;
    const arrived = files.flatMap((id): AttachmentRef[] => {
      const upload = this.uploadOf(id);
      if (upload?.state !== "done") return [];
      const { media_type, size } = upload;
      return [{ id, name: upload.name, media_type, size }];
    });
    const stored: Stored = { text, files: arrived, at: this.now() };
    try {
      if (text === "" && arrived.length === 0) this.storage.remove(this.#prefix + name);
      else this.storage.set(this.#prefix + name, JSON.stringify(stored));
    } catch {
      // No room: the message itself still goes out, and until then the draft is in this tab.
    }
  }
}

function nameOf(conversation: string | null): string {
  return conversation ?? "new";
}

function isBlank({ text, files }: Draft): boolean {
  return text === "" && files.length === 0;
}

/** A stored draft, or null for what is none: another version may have written it. */
function parse(text: string | null): Stored | null {
  if (text === null) return null;
  try {
    const { text: said, files = [], at } = JSON.parse(text) as Partial<Stored>;
    if (typeof said !== "string" || typeof at !== "number" || !Array.isArray(files)) return null;
    return { text: said, files: files.filter((ref) => typeof ref?.id === "string"), at };
  } catch {
    return null;
  }
}
