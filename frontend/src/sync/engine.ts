// The engine: the link, the core, the outbox and the list, wired to each other and to the ports. It decides nothing that
// one of them can decide.
import {
  type BootState,
  type Client,
  type Connection,
  type ConversationView,
  type ListState,
  type Outcome,
  type Readable,
  SyncRefusal,
} from "./api";
import { Booting } from "./boot";
import { HttpCopies } from "./copies";
import { Core } from "./core";
import { parseCursor } from "./cursor";
import { KeptDrafts } from "./drafts";
import type { LocalFile, Upload } from "./files";
import { Http } from "./http";
import { Listing, listed } from "./list";
import { HttpNotes, type Notes } from "./notes";
import { Outbox } from "./outbox";
import { Pager } from "./pager";
import { KeptPlaces } from "./places";
import type { Cancel, Ports } from "./ports";
import {
  type ApproveBody,
  type AttachmentRef,
  type CallDetail,
  type ClientFrame,
  type CommandBody,
  MAX_NOTE,
  MAX_TEXT,
  type PlacePage,
  type SearchPage,
  type SendBody,
  type ServerFrame,
  type SettleBody,
  type Welcome,
} from "./protocol.gen";
import { HttpSchedules, type Schedules } from "./schedules";
import type { SearchFilters } from "./search";
import { type Kept, Shelf } from "./shelf";
import { Link } from "./socket";
import { Notifier, Source } from "./store";
import { isBlank, tidy, titleOf } from "./text";
import type { Timeline } from "./timeline";
import { HttpTriggers, type Triggers } from "./triggers";
import { Uploads } from "./uploads";
import { uuidv7Maker } from "./uuidv7";
import { blank, Viewer } from "./view";
import { Watched } from "./watch";

export class Engine implements Client {
  readonly boot: Readable<BootState>;
  readonly connection: Readable<Connection>;
  readonly list: Readable<ListState>;

  readonly uploads: Readable<readonly Upload[]>;

  readonly #uploads: Uploads;
  readonly #uploadsSource: Source<readonly Upload[]>;
  readonly #core: Core;
  readonly #link: Link;
  readonly #http: Http;
  readonly schedules: Schedules;
  readonly triggers: Triggers;
  readonly notes: Notes;
  readonly copies: HttpCopies;
  readonly drafts: KeptDrafts;
  readonly places: KeptPlaces;
  readonly #listing: Listing;
  readonly #notifier: Notifier;
  readonly #booting: Booting;
  readonly #connectionSource: Source<Connection>;
  readonly #listSource: Source<ListState>;
  readonly #views = new Map<string, Source<ConversationView>>();
  readonly #uuid: () => string;

  #outbox: Outbox | null = null;
  #user: string | null = null;
  readonly #watched = new Watched();
  readonly #pager: Pager;
  #up = false;
  #skew = 0;
  #over = false;
  #timer: Cancel = () => {};
  #deaf: Cancel = () => {};

  constructor(private readonly ports: Ports) {
    const now = (): number => ports.clock.now();
    this.#uuid = uuidv7Maker(now, ports.bytes);
    this.#core = new Core(now, ports.random);
    this.#http = new Http(ports.fetch, ports.upload);
    this.schedules = new HttpSchedules(this.#http, this.#uuid);
    this.triggers = new HttpTriggers(this.#http, this.#uuid);
    this.notes = new HttpNotes(this.#http);
    this.copies = new HttpCopies(this.#http, ports.clock, this.#uuid, () => {
      const state = this.boot.getSnapshot();
      return state.status === "ready" ? state.boot.max_import : 0;
    });
    this.#notifier = new Notifier(ports.frame);
    this.#uploads = new Uploads(this.#http, ports.clock, ports.random, (id) => {
      this.#uploadsSource.invalidate();
      this.drafts.uploaded(id);
      if (this.#outbox !== null) this.#send(this.#outbox.uploaded(id));
      this.#settle();
    });
    this.places = new KeptPlaces(ports.storage, now);
    this.drafts = new KeptDrafts(
      ports.storage,
      now,
      (id) => this.#uploads.get(id),
      (ref) => this.#uploads.restore(ref),
    );
    this.uploads = this.#uploadsSource = new Source<readonly Upload[]>(
      this.#notifier,
      [],
      () => this.#uploads.all,
    );
    this.#link = new Link(
      ports,
      {
        up: (welcome) => this.#linkUp(welcome),
        down: () => this.#linkDown(),
        frame: (frame) => this.#received(frame),
        // Somebody logged in anew in another tab. What came with the page is of the login before.
        stale: () => void this.#booting.fetch(),
        changed: () => this.#connectionSource.invalidate(),
      },
      this.#uuid(),
    );
    this.#listing = new Listing(this.#http, ports.clock, ports.random, () => this.#listSource.invalidate());
    this.#pager = new Pager(this.#http, this.#core, ports.clock, (id) => {
      this.#views.get(id)?.invalidate();
      this.#settle();
    });
    const boot = new Source<BootState>(this.#notifier, { status: "loading" }, () => this.#booting.state);
    this.boot = boot;
    this.#booting = new Booting(this.#http, ports.clock, ports.random, () => {
      const { state } = this.#booting;
      if (state.status === "ready" && this.#identify(state.boot.user)) {
        this.#link.greet(state.boot.hello_token ?? ports.hello ?? "");
      }
      boot.invalidate();
    });
    this.connection = this.#connectionSource = new Source(
      this.#notifier,
      this.#link.status,
      (): Connection => this.#link.status,
    );
    const none: ListState = { ...this.#listing.state, conversations: [] };
    this.list = this.#listSource = new Source(this.#notifier, none, (before) =>
      listed(before, this.#listing.state, this.#outbox?.creations() ?? []),
    );
  }

  start(): void {
    this.#deaf = this.ports.storage.onForeign((key, value) => {
      this.drafts.foreign(key, value);
      if (this.#outbox !== null) this.#send(this.#outbox.foreign(key, value));
      this.#settle();
    });
    this.#link.start();
    this.#listing.refresh();
    void this.#booting.fetch();
  }

  dispose(): void {
    this.#over = true;
    this.#link.dispose();
    this.#listing.dispose();
    this.#notifier.dispose();
    this.#timer();
    this.#booting.dispose();
    this.#uploads.dispose();
    this.#deaf();
  }

  // A property and not a method: components hand it on.
  readonly now = (): number => this.ports.clock.now() + this.#skew;

  reconnect(): void {
    this.#link.reconnect();
    this.#listing.refresh();
    if (this.#booting.state.status === "failed") void this.#booting.fetch();
  }

  search(query: string, archived = false): void {
    this.#listing.search(query, archived);
  }

  async mark(ids: readonly string[], marks: { pinned?: boolean; archived?: boolean }): Promise<void> {
    await this.#http.mark(ids, marks);
    this.#listing.refresh();
  }

  loadMoreConversations(): void {
    void this.#listing.loadMore();
  }

  refreshList(): void {
    this.#listing.refresh();
  }

  conversation(id: string): Readable<ConversationView> {
    let source = this.#views.get(id);
    if (source === undefined) {
      const viewer = new Viewer();
      source = new Source<ConversationView>(this.#notifier, blank(id), (before) =>
        viewer.view(before, this.#core.held(id), this.#outbox, this.#pager.state(id)),
      );
      this.#views.set(id, source);
    }
    return source;
  }

  open(conversation: string): () => void {
    const release = this.#watched.look(conversation, () => {
      for (const id of this.#core.shown) {
        if (!this.#watched.keeps(id)) this.#send(this.#core.close(id));
      }
      this.#settle();
    });
    this.#settle();
    return release;
  }

  attach(file: LocalFile): string {
    const { state } = this.#booting;
    if (state.status !== "ready") throw new SyncRefusal("not_ready");
    const id = this.#uuid();
    this.#uploads.add(id, file, state.boot.max_file);
    return id;
  }

  detach(id: string): void {
    this.#uploads.remove(id);
  }

  newConversation(
    agent: string,
    text: string,
    attachments: readonly string[] = [],
  ): { conversation: string; message: string } {
    const clean = this.#checked(text, attachments);
    const conversation = this.#uuid();
    const message = this.#uuid();
    const title = titleOf(clean.trim() || (this.#uploads.get(attachments[0] ?? "")?.name ?? ""));
    this.#enqueue(conversation, [{ kind: "create", agent, title }, said(message, clean, attachments)]);
    return { conversation, message };
  }

  send(conversation: string, text: string, attachments: readonly string[] = []): string {
    const message = this.#uuid();
    const body = said(message, this.#checked(text, attachments), attachments);
    // What is said belongs to what its author looks at, however late it arrives.
    const shown = this.conversation(conversation).getSnapshot().branches?.shown;
    this.#enqueue(conversation, [shown === undefined ? body : { ...body, branch: shown }]);
    return message;
  }

  retry(conversation: string, message: string): void {
    if (this.#outbox !== null) this.#send(this.#outbox.retry(conversation, message));
    this.#settle();
  }

  discard(conversation: string, message: string): void {
    this.#outbox?.discard(conversation, message);
    this.#settle();
  }

  async stop(conversation: string, withdraw = false): Promise<Outcome> {
    // The run is named: sent after a long outage, a stop must not end a run that was begun since.
    const run = this.conversation(conversation).getSnapshot().run?.id ?? null;
    return this.#command(conversation, { kind: "stop", run, ...(withdraw ? { withdraw } : {}) });
  }

  // Not async: what is refused before it is kept is thrown, as by `send`.
  edit(
    conversation: string,
    message: string,
    text: string,
    attachments: readonly string[] = [],
  ): Promise<Outcome> {
    const clean = this.#checked(text, attachments);
    return this.#command(conversation, { kind: "edit", message, text: clean, attachments: [...attachments] });
  }

  async tryAgain(conversation: string, item: string, agent = ""): Promise<Outcome> {
    return this.#command(conversation, { kind: "try_again", item, branch: this.#uuid(), agent });
  }

  rewrite(
    conversation: string,
    message: string,
    text: string,
    attachments: readonly string[] = [],
  ): Promise<Outcome> {
    const clean = this.#checked(text, attachments);
    const ids = { as_message: this.#uuid(), branch: this.#uuid() };
    return this.#command(conversation, {
      kind: "rewrite",
      message,
      ...ids,
      text: clean,
      attachments: [...attachments],
    });
  }

  async choose(conversation: string, branch: string): Promise<Outcome> {
    return this.#command(conversation, { kind: "choose", branch });
  }

  async withdraw(conversation: string, message: string): Promise<Outcome> {
    return this.#command(conversation, { kind: "withdraw", message });
  }

  restore(files: readonly AttachmentRef[]): void {
    for (const file of files) this.#uploads.restore(file);
  }

  async rename(conversation: string, title: string): Promise<Outcome> {
    return this.#command(conversation, { kind: "rename", title: tidy(title).trim().slice(0, 200) });
  }

  async changeAgent(conversation: string, agent: string): Promise<Outcome> {
    return this.#command(conversation, { kind: "change_agent", agent });
  }

  async remove(conversation: string): Promise<Outcome> {
    const outcome = await this.#command(conversation, { kind: "delete" });
    if (outcome.status === "applied") this.drafts.set(conversation, { text: "", files: [] });
    return outcome;
  }

  async settle(
    conversation: string,
    call: string,
    decision: SettleBody["decision"],
    result = "",
  ): Promise<Outcome> {
    return this.#command(conversation, { kind: "settle", call, decision, result: tidy(result) });
  }

  async approve(
    conversation: string,
    call: string,
    digest: string,
    decision: ApproveBody["decision"],
    note = "",
  ): Promise<Outcome> {
    const said = tidy(note).trim().slice(0, MAX_NOTE);
    return this.#command(conversation, { kind: "approve", call, digest, decision, note: said });
  }

  async takeBack(conversation: string, message: string): Promise<Outcome> {
    return this.#command(conversation, { kind: "take_back", message });
  }

  loadOlder(conversation: string): Promise<void> {
    return this.#pager.load(conversation);
  }

  reach(conversation: string, seq: number): Promise<boolean> {
    return this.#pager.reach(conversation, seq);
  }

  loadBetween(conversation: string, up: boolean): Promise<void> {
    return this.#pager.between(conversation, up);
  }

  searchTexts(query: string, filters: SearchFilters, after: string | null = null): Promise<SearchPage> {
    return this.#http.search(query, filters, after);
  }

  find(conversation: string, query: string): Promise<PlacePage> {
    const shown = this.conversation(conversation).getSnapshot().branches?.shown;
    return this.#http.find(conversation, query, shown);
  }

  callDetail(conversation: string, call: string): Promise<CallDetail> {
    return this.#http.call(conversation, call);
  }

  timeline(conversation: string, run: string): Promise<Timeline> {
    return this.#http.timeline(conversation, run);
  }

  #command(conversation: string, body: CommandBody): Promise<Outcome> {
    return new Promise((resolve) => this.#enqueue(conversation, [body], resolve));
  }

  /** Put commands into the outbox and on their way; `heard` is told what became of the first one. */
  #enqueue(conversation: string, bodies: readonly CommandBody[], heard?: (outcome: Outcome) => void): void {
    if (this.#outbox === null) throw new SyncRefusal("not_ready");
    const at = this.ports.clock.now();
    const kept = bodies.map(
      (body): Kept => ({ id: this.#uuid(), conversation, body, at, failed: null, ...this.#carried(body) }),
    );
    let frames: ClientFrame[];
    try {
      frames = this.#outbox.add(kept, heard);
    } catch {
      throw new SyncRefusal("outbox_full");
    }
    this.#send(frames);
    this.#settle();
  }

  /** The files of a message: what is shown of them, and which have not arrived. */
  #carried(body: CommandBody): Pick<Kept, "files" | "held"> {
    if (!("attachments" in body) || !body.attachments?.length) return {};
    const uploads = body.attachments.flatMap((id) => this.#uploads.get(id) ?? []);
    const files = uploads.map(({ id, name, media_type, size }) => ({ id, name, media_type, size }));
    return { files, held: uploads.filter(({ state }) => state !== "done").map(({ id }) => id) };
  }

  #checked(text: string, attachments: readonly string[]): string {
    const clean = tidy(text);
    if (attachments.some((id) => this.#uploads.get(id) === undefined)) throw new SyncRefusal("not_ready");
    if (isBlank(clean) && attachments.length > 0) return "";
    if (isBlank(clean)) throw new SyncRefusal("empty");
    if (clean.length > MAX_TEXT) throw new SyncRefusal("too_long");
    return clean;
  }

  /** Open what is watched, as soon as the server knows of it. */
  #openWatched(): void {
    if (this.#outbox === null) return;
    for (const id of this.#watched.now) {
      if (this.#core.held(id) === undefined && !this.#outbox.creating(id)) this.#send(this.#core.open(id));
    }
  }

  #linkUp(welcome: Welcome): void {
    if (!this.#identify(welcome.user)) return;
    this.#skew = welcome.now - this.ports.clock.now();
    this.#up = true;
    this.#send(this.#core.up());
    if (this.#outbox !== null) this.#send(this.#outbox.up());
    this.#listing.refresh();
    this.#uploads.resume();
    this.#settle();
  }

  #linkDown(): void {
    this.#up = false;
    this.#core.down();
    this.#outbox?.down();
    this.#settle();
  }

  #received(frame: ServerFrame): void {
    switch (frame.type) {
      case "welcome":
      case "wait":
      case "pong":
      case "goaway":
        break;
      case "result":
        if (this.#outbox !== null) this.#send(this.#outbox.result(frame));
        break;
      case "list":
        this.#listing.refresh();
        break;
      case "error":
        this.#send(this.#core.receive(frame));
        if (frame.command != null && this.#outbox !== null) this.#send(this.#outbox.refused(frame.command));
        break;
      case "heartbeat":
        // The sample that travelled fastest is the best one.
        this.#skew = Math.max(this.#skew, frame.now - this.ports.clock.now());
        this.#send(this.#core.receive(frame));
        break;
      default:
        this.#send(this.#core.receive(frame));
    }
    this.#settle();
  }

  /** Whose outbox it is: known from the socket or from HTTP, whichever comes first. False: they disagree. */
  #identify(user: string): boolean {
    if (this.#user !== null && this.#user !== user) {
      // Another login in this browser: what is shown and what waits here is not theirs.
      this.#link.giveUp("logged_out");
      return false;
    }
    if (this.#outbox !== null) return true;
    this.#user = user;
    this.drafts.identify(user);
    this.places.identify(user);
    const { storage, clock, random } = this.ports;
    this.#outbox = new Outbox(
      new Shelf(storage, user),
      () => clock.now(),
      random,
      this.#uuid,
      (id) => this.#uploads.get(id)?.state,
    );
    for (const view of this.#views.values()) view.invalidate();
    this.#settle();
    return true;
  }

  /** After any input: tell who looks, open what can be opened, and set the clock. */
  #settle(): void {
    if (this.#over) return;
    this.#openWatched();
    const moved = this.#outbox?.takeChanged() ?? [];
    for (const id of new Set([...this.#core.takeChanged(), ...moved])) {
      this.#compare(id);
      this.#views.get(id)?.invalidate();
    }
    if (moved.length > 0) this.#listSource.invalidate();
    this.#setTimer();
  }

  /** Let the outbox see which of its stored commands have arrived. */
  #compare(id: string): void {
    const held = this.#core.held(id);
    if (held?.replica == null || !this.#outbox?.has(id)) return;
    const items = new Set(held.replica.state.items.map((item) => item.id));
    this.#outbox.seen(id, { items, synced: held.synced, place: parseCursor(held.replica.cursor) });
  }

  #setTimer(): void {
    this.#timer();
    const times = [this.#core.nextTick(), this.#outbox?.nextTick() ?? null].filter((at) => at !== null);
    if (!this.#up || times.length === 0) return;
    const wait = Math.max(0, Math.min(...times) - this.ports.clock.now());
    this.#timer = this.ports.clock.after(wait, () => this.#tick());
  }

  #tick(): void {
    this.#send(this.#core.tick());
    if (this.#outbox !== null) this.#send(this.#outbox.tick());
    for (const id of this.#core.shown) this.#compare(id);
    this.#settle();
  }

  #send(frames: readonly ClientFrame[]): void {
    for (const frame of frames) this.#link.send(frame);
  }
}

/** The body of a message; without files it is what it was before there were any. */
function said(message: string, text: string, attachments: readonly string[]): SendBody {
  const body = { kind: "send", message, text } as const;
  return attachments.length > 0 ? { ...body, attachments: [...attachments] } : body;
}
