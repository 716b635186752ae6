// Commands that have no result yet (rule W5). Each is kept in a storage that outlives the tab, sent in order per
// conversation, one at a time, and again after every lost link until the server says what became of it. The server
// knows commands by their id, so sending twice, also from two tabs, has one effect.
import type { FailureCode, Outcome, PendingMessage } from "./api";
import { backoff } from "./backoff";
import { type Place, parseCursor } from "./cursor";
import type { Upload } from "./files";
import type { AttachmentRef, Command, Result } from "./protocol.gen";
import type { Kept, Shelf } from "./shelf";

/** A result must come within this on a link that holds, else the command is sent again. */
const ANSWER_MS = 10_000;
/** After this many unanswered sends on good links a person decides: something about it makes the server silent. */
const UNANSWERED = 6;
/** Another tab's entry that is older than this is sent by us too: its tab may be dead, and twice does no harm. */
const ORPHAN_MS = 15_000;
/** The event of a command that another tab saw answered is given this long to arrive here. */
const SETTLE_MS = 3_000;

const NO_FILES: readonly AttachmentRef[] = [];

interface Entry extends Kept {
  /** Sent on this link at this time and not answered; null: not on the wire. */
  sentAt: number | null;
  unanswered: number;
  refusals: number;
  /** Not to be sent before this. */
  notBefore: number;
  /** Its conversation was out of step since it was refused. */
  waitsForSync: boolean;
  /** Committed. It stays here, and in no storage, until its event has been seen. */
  stored: { cursor: string | null; at: number } | null;
}

/** What the outbox needs to know of a conversation to see that a stored command's event has arrived. */
export interface Seen {
  items: ReadonlySet<string>;
  synced: boolean;
  place: Place | null;
}

export class Outbox {
  #entries = new Map<string, Entry>();
  #up = false;
  /** When to look again for entries that dead tabs left. */
  #pollAt = 0;
  #changed = new Set<string>();
  #waiting = new Map<string, (outcome: Outcome) => void>();

  /** `id` makes command ids that ascend. */
  constructor(
    private readonly shelf: Shelf,
    private readonly now: () => number,
    private readonly random: () => number,
    private readonly id: () => string,
    /** What became of a file that this tab has; undefined: it has none of this id. */
    private readonly upload: (id: string) => Upload["state"] | undefined = () => undefined,
  ) {
    // Whoever left these is dead, or sends them too, and twice does no harm.
    this.#adopt(() => true);
  }

  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /**
   * Keep commands of one conversation, in this order; throws what the storage throws, and then keeps none. `heard` is
   * told what became of the first one, unless the tab dies before.
   */
  add(commands: readonly Kept[], heard?: (outcome: Outcome) => void): Command[] {
    try {
      for (const kept of commands) this.shelf.put(kept);
    } catch (error) {
      for (const { id } of commands) this.shelf.remove(id);
      // A stop must not fail for want of room: it is sent from memory. A text must not be lost: it stays with the person.
      if (commands.some(({ body }) => body.kind === "send" || body.kind === "create")) throw error;
    }
    for (const kept of commands) this.#take(kept);
    if (heard !== undefined && commands[0] !== undefined) this.#waiting.set(commands[0].id, heard);
    return this.#pump();
  }

  up(): Command[] {
    this.#up = true;
    this.#poll();
    return this.#pump();
  }

  down(): void {
    this.#up = false;
    for (const entry of this.#entries.values()) entry.sentAt = null;
  }

  result(frame: Result): Command[] {
    const entry = this.#entries.get(frame.id);
    if (entry === undefined || entry.stored !== null) return [];
    entry.sentAt = null;
    this.#changed.add(entry.conversation);
    if (frame.status !== "rejected") this.#applied(entry, frame.cursor);
    else if (frame.retry) {
      // An answer, if not the wanted one: the server is not silent, so this is no case for a person.
      entry.unanswered = 0;
      entry.refusals += 1;
      entry.notBefore = this.now() + 500 + backoff(entry.refusals, this.random());
    } else this.#fail(entry, frame.code ?? "bad_command");
    return this.#pump();
  }

  /** A file has arrived, or will not: messages that wait for it go out, or say so. */
  uploaded(file: string): Command[] {
    for (const entry of this.#entries.values()) {
      if (!entry.held?.includes(file)) continue;
      this.#changed.add(entry.conversation);
      if (this.upload(file) !== "done") continue;
      entry.held = entry.held.filter((id) => id !== file);
      this.#rewrite(entry);
    }
    return this.#pump();
  }

  /** The server could not read this command. One that it does not name is sent again: the frame may have been another. */
  refused(id: string): Command[] {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.sentAt === null) return [];
    entry.sentAt = null;
    this.#fail(entry, "bad_command");
    return this.#pump();
  }

  /** Send a failed message again; also the creation of its conversation, if that failed. */
  retry(conversation: string, message: string): Command[] {
    for (const entry of this.#of(conversation)) {
      const meant = entry.body.kind === "create" || isSendOf(entry, message);
      if (meant && entry.failed === null && this.#trouble(entry) !== null) {
        this.#dropFiles(entry);
        continue;
      }
      if (!meant || entry.failed === null) continue;
      // A refusal is the result of its id for good, so the next try needs another. Without an answer it may have been
      // applied, and only its own id finds that out.
      const id = entry.failed === "unanswered" ? entry.id : this.id();
      if (id !== entry.id) this.#drop(entry);
      this.#take({ ...entry, id, failed: null });
      this.#rewrite({ ...entry, id, failed: null });
    }
    this.#changed.add(conversation);
    return this.#pump();
  }

  /** Forget a failed message; with the last one goes a conversation that could not be created. */
  discard(conversation: string, message: string): void {
    const meant = this.#of(conversation).find((entry) => isSendOf(entry, message));
    if (meant === undefined || (meant.failed ?? this.#trouble(meant)) === null) return;
    this.#drop(meant);
    const rest = this.#of(conversation);
    if (rest.every((entry) => entry.body.kind === "create" && entry.failed !== null)) {
      for (const entry of rest) this.#drop(entry);
    }
  }

  /** The conversation was seen in this state: stored commands whose events have arrived leave. */
  seen(conversation: string, seen: Seen): void {
    for (const entry of this.#of(conversation)) {
      if (entry.stored === null) this.#synced(entry, seen.synced);
      if (entry.stored === null) continue;
      const there = entry.body.kind === "send" && seen.items.has(entry.body.message);
      const place = entry.stored.cursor === null ? null : parseCursor(entry.stored.cursor);
      const behind =
        place === null
          ? this.now() < entry.stored.at + SETTLE_MS
          : seen.place?.epoch === place.epoch && seen.place.seq < place.seq;
      if (there || (seen.synced && !behind)) this.#drop(entry);
    }
  }

  /** What was refused need not wait out its pause when the conversation is in step again: what was away is back. */
  #synced(entry: Entry, synced: boolean): void {
    if (synced && entry.waitsForSync && entry.notBefore > this.now()) {
      // Not everybody at the same moment.
      entry.notBefore = Math.min(entry.notBefore, this.now() + Math.round(500 * this.random()) + 1);
      entry.refusals = 0;
    }
    entry.waitsForSync = !synced;
  }

  /** Another tab changed a key; `value` null: it removed it. */
  foreign(key: string, value: string | null): Command[] {
    const change = this.shelf.foreign(key, value);
    const entry = change === null ? undefined : this.#entries.get(change.id);
    if (change === null || entry === undefined || entry.stored !== null) return [];
    const { kept } = change;
    this.#changed.add(entry.conversation);
    if (kept === null) {
      // Discarded there, or answered there: then its event is on its way to us as well.
      if (entry.failed !== null) this.#drop(entry);
      else this.#applied(entry, null);
    } else {
      entry.held = kept.held ?? [];
      if (kept.failed !== entry.failed) Object.assign(entry, { failed: kept.failed, sentAt: null });
    }
    return this.#pump();
  }

  nextTick(): number | null {
    if (!this.#up) return null;
    let next = this.#pollAt;
    for (const entry of this.#entries.values()) {
      if (entry.stored?.cursor === null) next = Math.min(next, entry.stored.at + SETTLE_MS);
      if (entry.failed !== null || entry.stored !== null || entry.held?.length) continue;
      if (entry.sentAt !== null) next = Math.min(next, entry.sentAt + ANSWER_MS);
      else if (entry.notBefore > 0) next = Math.min(next, entry.notBefore);
    }
    return next;
  }

  tick(): Command[] {
    if (!this.#up) return [];
    const now = this.now();
    for (const entry of this.#entries.values()) {
      if (entry.sentAt === null || entry.sentAt + ANSWER_MS > now) continue;
      entry.sentAt = null;
      entry.unanswered += 1;
      if (entry.unanswered >= UNANSWERED) this.#fail(entry, "unanswered");
    }
    this.#poll();
    return this.#pump();
  }

  /** The messages of a conversation that are here, in the order in which they were made. */
  messages(conversation: string): PendingMessage[] {
    const creation = this.#of(conversation).find(({ body }) => body.kind === "create");
    return this.#of(conversation).flatMap((entry) => {
      const { body, at, stored, held, files = NO_FILES } = entry;
      if (body.kind !== "send") return [];
      // There is no conversation because it could not be begun, and why is what a person wants to know.
      const failed = entry.failed === "not_found" ? (creation?.failed ?? entry.failed) : entry.failed;
      const code = failed ?? this.#trouble(entry);
      const waiting = held?.length ? "uploading" : "sending";
      const state = code !== null ? "failed" : stored !== null ? "stored" : waiting;
      return [{ id: body.message, text: body.text, attachments: files, at, state, code }];
    });
  }

  /** Whether anything of this conversation is here. */
  has(conversation: string): boolean {
    return [...this.#entries.values()].some((entry) => entry.conversation === conversation);
  }

  /** Whether a stop was asked for and its event has not been seen. */
  stopping(conversation: string): boolean {
    return this.#of(conversation).some((entry) => entry.body.kind === "stop" && entry.failed === null);
  }

  /** Creations that the server has not acknowledged, failed ones included. */
  creations(): Kept[] {
    return [...this.#entries.values()].filter(
      ({ body, stored }) => body.kind === "create" && stored === null,
    );
  }

  /** Whether the server does not know the conversation yet, as far as we know. */
  creating(conversation: string): boolean {
    return this.creations().some((entry) => entry.conversation === conversation);
  }

  /** The frames that may go out now: per conversation the oldest that waits, if none is on the wire. */
  #pump(): Command[] {
    if (!this.#up) return [];
    const now = this.now();
    const busy = new Set<string>();
    const out: Command[] = [];
    for (const entry of this.#sorted()) {
      if (entry.failed !== null || entry.stored !== null || busy.has(entry.conversation)) continue;
      // Later messages need not wait for one that a person must look after. Whoever changes one hears at once, and still
      // has its text.
      const trouble = this.#trouble(entry);
      if (trouble !== null && entry.body.kind !== "send") this.#fail(entry, trouble);
      if (trouble !== null) continue;
      busy.add(entry.conversation);
      if (entry.held?.length) continue;
      if (entry.sentAt !== null || entry.notBefore > now) continue;
      entry.sentAt = now;
      out.push({ type: "command", id: entry.id, conversation: entry.conversation, body: entry.body });
    }
    return out;
  }

  /** Why a message cannot go out as it is: a file that did not arrive is not here (any more), or was refused. */
  #trouble({ held = [] }: Entry): FailureCode | null {
    const states = held.map((id) => this.upload(id));
    if (states.includes("failed")) return "attachment_refused";
    return states.includes(undefined) ? "attachment_lost" : null;
  }

  /** Go on without the files that did not arrive; with nothing at all left, forget the message. */
  #dropFiles(entry: Entry): void {
    if (entry.body.kind !== "send") return;
    const gone = new Set(entry.held);
    const attachments = entry.body.attachments?.filter((id) => !gone.has(id)) ?? [];
    this.#drop(entry);
    if (entry.body.text.trim() === "" && attachments.length === 0) return;
    const body = { ...entry.body, attachments };
    const files = entry.files?.filter(({ id }) => !gone.has(id)) ?? [];
    const kept: Kept = { ...entry, id: this.id(), body, files, held: [], failed: null };
    this.#take(kept);
    this.#rewrite(kept);
  }

  #applied(entry: Entry, cursor: string | null): void {
    this.shelf.remove(entry.id);
    this.#answer(entry.id, { status: "applied" });
    entry.stored = { cursor, at: this.now() };
    if (entry.body.kind !== "send" && entry.body.kind !== "stop") this.#drop(entry);
  }

  #fail(entry: Entry, code: FailureCode): void {
    this.#answer(entry.id, { status: "rejected", code });
    this.#changed.add(entry.conversation);
    const { kind } = entry.body;
    // Of these a person hears at once, by the promise; only what would lose a text is kept.
    if (kind !== "send" && kind !== "create") {
      this.#drop(entry);
      return;
    }
    entry.failed = code;
    this.#rewrite(entry);
  }

  #answer(id: string, outcome: Outcome): void {
    this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.id);
    this.shelf.remove(entry.id);
    this.#changed.add(entry.conversation);
  }

  /** Take over what dead tabs left behind. */
  #poll(): void {
    if (this.#pollAt > this.now()) return;
    this.#pollAt = this.now() + ORPHAN_MS;
    // Also what is dated in the future: the machine's clock was set back since.
    this.#adopt((kept) => Math.abs(this.now() - kept.at) > ORPHAN_MS);
  }

  #adopt(wanted: (kept: Kept) => boolean): void {
    for (const id of this.shelf.ids()) {
      if (this.#entries.has(id)) continue;
      const kept = this.shelf.get(id);
      if (kept !== null && wanted(kept)) this.#take(kept);
    }
  }

  #take(kept: Kept): void {
    this.#entries.set(kept.id, {
      ...kept,
      sentAt: null,
      unanswered: 0,
      refusals: 0,
      notBefore: 0,
      waitsForSync: false,
      stored: null,
    });
    this.#changed.add(kept.conversation);
  }

  /** Store an entry that is there already. Without room its older form stays, which is sent again and answered again. */
  #rewrite(kept: Kept): void {
    try {
      this.shelf.put(kept);
    } catch {
      // Nothing is lost: the text is in the older form too.
    }
  }

  #of(conversation: string): Entry[] {
    return this.#sorted().filter((entry) => entry.conversation === conversation);
  }

  /** UUIDv7 ids ascend in the order in which they were made. */
  #sorted(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function isSendOf(entry: Kept, message: string): boolean {
  return entry.body.kind === "send" && entry.body.message === message;
}
