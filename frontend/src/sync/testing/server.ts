// A server as the protocol describes it, small enough to be believed: one list of events per conversation, a chain of tags,
// results by command id. The engine is right when it ends where this one stands.
import type { HttpAnswer } from "../ports";
import type {
  AnyEvent,
  ClientFrame,
  Command,
  Item,
  Result,
  ServerFrame,
  SnapshotPart,
} from "../protocol.gen";
import { PROTOCOL } from "../protocol.gen";
import { EMPTY, NO_USAGE, reduce, type State } from "../reducer";
import type { FakeClock, FakeSocket } from "./world";

const HEARTBEAT_MS = 10_000;

/** An event without its time. */
export type Fact = AnyEvent extends infer E ? (E extends AnyEvent ? Omit<E, "at"> : never) : never;

export class Room {
  events: AnyEvent[] = [];
  tags: string[] = [""];
  epoch = "epoch0";
  state: State = EMPTY;
  part: SnapshotPart | null = null;
  /** Every item that ever stood and still does, whatever the window shows. */
  all = new Map<string, Item>();
  /** Results by command id, and the head they were given at. */
  results = new Map<string, { result: Result; seq: number }>();
  /** Everything up to here is acknowledged to somebody, and so never lost (rule S5). */
  committed = 0;

  constructor(readonly id: string) {}

  get seq(): number {
    return this.events.length;
  }

  cursor(seq = this.seq): string {
    return `${this.epoch}:${seq}:${this.tags[seq]}`;
  }

  push(event: AnyEvent): void {
    const before = this.state;
    const { state, evicted } = reduce(before, event, this.seq + 1);
    this.events.push(event);
    this.tags.push(hash(`${this.tags.at(-1)}${JSON.stringify(event)}`));
    this.state = state;
    const gone = new Set(evicted.map((item) => item.id));
    for (const item of before.items) {
      if (!gone.has(item.id) && !state.items.some((other) => other.id === item.id)) this.all.delete(item.id);
    }
    for (const item of [...evicted, ...state.items]) this.all.set(item.id, item);
    if (event.type === "step.started") this.part = { message: event.step, text: "" };
    if (event.type.startsWith("step.") && event.type !== "step.started") this.part = null;
  }

  /** The store fails and comes back without its last events: another epoch, another future. */
  lose(count: number): void {
    const kept = this.events.slice(0, Math.max(this.committed, this.seq - count));
    for (const [id, { seq }] of this.results) if (seq > kept.length) this.results.delete(id);
    this.epoch = `epoch${Number(this.epoch.slice(5)) + 1}`;
    Object.assign(this, { events: [], tags: [""], state: EMPTY, part: null });
    this.all.clear();
    for (const event of kept) this.push(event);
    if (this.part !== null) this.part = { message: (this.part as SnapshotPart).message, text: "" };
  }

  transcript(): Item[] {
    return [...this.all.values()].sort((a, b) => a.seq - b.seq);
  }
}

interface Connection {
  socket: FakeSocket;
  live: Map<string, { epoch: string; seq: number }>;
}

export class ModelServer {
  rooms = new Map<string, Room>();
  connections = new Set<Connection>();
  /** What is done with the next commands, one each, before it is as usual. */
  mishaps: ("cut_before" | "cut_after" | "busy" | "silent" | "refuse" | "spent")[] = [];
  /** Pieces that a snapshot is cut into. */
  pieces = 1;
  user = "ada";
  /** What a hello must carry. */
  token = "token";
  /** Deliver frames at once. */
  prompt = true;
  commands: Command[] = [];

  constructor(private readonly clock: FakeClock) {
    const beat = (): void => {
      for (const connection of this.connections) this.heartbeat(connection);
      clock.after(HEARTBEAT_MS, beat);
    };
    clock.after(HEARTBEAT_MS, beat);
  }

  /** Take a new socket. */
  accept = (socket: FakeSocket): void => {
    const connection: Connection = { socket, live: new Map() };
    this.connections.add(connection);
    socket.open({
      received: (text) => this.#received(connection, JSON.parse(text) as ClientFrame),
      closed: () => this.connections.delete(connection),
    });
  };

  room(id: string): Room {
    const room = this.rooms.get(id);
    if (room === undefined) throw new Error(`no room ${id}`);
    return room;
  }

  create(id: string): Room {
    const room = new Room(id);
    this.rooms.set(id, room);
    this.append(id, { type: "conversation.created", title: "t", agent: "a" });
    room.committed = room.seq;
    return room;
  }

  append(id: string, fact: Fact): void {
    const room = this.room(id);
    const prev = room.cursor();
    room.push({ ...fact, at: this.clock.now() } as AnyEvent);
    const event = room.events.at(-1) as AnyEvent;
    this.#tell(room, (seen) => seen.seq === room.seq - 1, {
      type: "event",
      conversation: id,
      prev,
      cursor: room.cursor(),
      seq: room.seq,
      event,
    });
  }

  stream(id: string, text: string): void {
    const room = this.room(id);
    if (room.part === null) return;
    const { message, text: had } = room.part;
    room.part = { message, text: had + text };
    this.#tell(room, () => true, { type: "part", conversation: id, message, offset: had.length, text });
  }

  lose(id: string, count: number, tell: boolean): void {
    const room = this.room(id);
    room.lose(count);
    if (!tell) return;
    for (const connection of this.connections) {
      if (!connection.live.delete(id)) continue;
      this.#put(connection, { type: "resync", conversation: id, reason: "epoch" });
    }
  }

  heartbeat(connection: Connection): void {
    const heads: Record<string, string> = {};
    for (const id of connection.live.keys()) heads[id] = this.room(id).cursor();
    this.#put(connection, { type: "heartbeat", heads, now: this.clock.now() });
  }

  /** Pages of older items. */
  http = (path: string): HttpAnswer | null => {
    const match = /conversations\/([^/]+)\/items\?before=(\d+)/.exec(path);
    if (match === null) return null;
    const older = this.room(match[1] ?? "")
      .transcript()
      .filter((item) => item.seq < Number(match[2]));
    const page = { items: older.slice(-30), more: older.length > 30 };
    return { status: 200, text: JSON.stringify(page) };
  };

  #received(connection: Connection, frame: ClientFrame): void {
    switch (frame.type) {
      case "hello":
        if (frame.token !== this.token) {
          this.#put(connection, { type: "goaway", after_ms: 0, reason: "token" });
          break;
        }
        this.#put(connection, {
          type: "welcome",
          protocol: PROTOCOL,
          user: this.user,
          now: this.clock.now(),
          heartbeat_ms: HEARTBEAT_MS,
        });
        break;
      case "ping":
        this.#put(connection, { type: "pong", now: this.clock.now() });
        break;
      case "open":
        this.#open(connection, frame.conversation, frame.cursor ?? null);
        break;
      case "close":
        connection.live.delete(frame.conversation);
        break;
      case "command":
        this.#command(connection, frame);
    }
  }

  #open(connection: Connection, id: string, cursor: string | null): void {
    const room = this.rooms.get(id);
    if (room === undefined) {
      this.#put(connection, { type: "gone", conversation: id });
      return;
    }
    connection.live.set(id, { epoch: room.epoch, seq: room.seq });
    const { part } = room;
    if (cursor !== room.cursor()) {
      const { info, run, items } = room.state;
      const size = Math.max(1, Math.ceil(items.length / this.pieces));
      for (let piece = 1; piece <= this.pieces; piece++) {
        this.#put(connection, {
          type: "snapshot",
          conversation: id,
          cursor: room.cursor(),
          piece,
          pieces: this.pieces,
          state: {
            info: info ?? { title: "", agent: "", created_at: 0, usage: NO_USAGE },
            run,
            items: items.slice((piece - 1) * size, piece * size),
          },
          part,
        });
      }
    } else if (part !== null) {
      const { message, text } = part;
      this.#put(connection, { type: "part", conversation: id, message, offset: 0, text });
    }
    this.#put(connection, { type: "synced", conversation: id, cursor: room.cursor() });
  }

  #command(connection: Connection, command: Command): void {
    this.commands.push(command);
    const mishap = this.mishaps[0] === "refuse" ? undefined : this.mishaps.shift();
    if (mishap === "cut_before") connection.socket.cut();
    if (mishap === "cut_before" || mishap === "silent") return;
    if (mishap === "busy" || mishap === "spent") {
      const { id, conversation } = command;
      const code = mishap === "busy" ? "unavailable" : "runs_spent";
      const refused = { status: "rejected", code, cursor: null, retry: mishap === "busy" } as const;
      this.#put(connection, { type: "result", id, conversation, ...refused });
      return;
    }
    const result = this.#decide(command);
    if (mishap === "cut_after") connection.socket.cut();
    else this.#put(connection, result);
  }

  #decide({ id, conversation, body }: Command): Result {
    const answer = (status: Result["status"], code: Result["code"], room?: Room): Result => ({
      type: "result",
      id,
      conversation,
      status,
      code,
      cursor: room?.cursor() ?? null,
      retry: false,
    });
    if (body.kind === "create" && !this.rooms.has(conversation)) this.create(conversation);
    const room = this.rooms.get(conversation);
    if (room === undefined) return answer("rejected", "not_found");
    const known = room.results.get(id);
    // A refusal is remembered, too: asked again, the same id is refused again.
    if (known?.result.status === "rejected") return known.result;
    if (known !== undefined) return { ...known.result, status: "duplicate" };
    if (this.mishaps[0] === "refuse") {
      this.mishaps.shift();
      const refused = answer("rejected", "bad_command", room);
      room.results.set(id, { result: refused, seq: room.seq });
      return refused;
    }
    if (body.kind === "send") {
      const origin = { entrance: "web", name: "" } as const;
      const attachments = (body.attachments ?? []).map((id) => ({
        id,
        name: "f",
        media_type: "text/plain",
        size: 1,
      }));
      const { message, text } = body;
      this.append(conversation, { type: "message.added", message, text, origin, attachments });
    }
    if (body.kind === "rename")
      this.append(conversation, { type: "conversation.renamed", title: body.title });
    if (body.kind === "change_agent")
      this.append(conversation, {
        type: "conversation.agent_changed",
        agent: body.agent,
        before: "",
        by: "",
      });
    const result =
      body.kind === "stop" &&
      (room.state.run === null || room.state.run.id !== (body.run ?? room.state.run.id))
        ? answer("rejected", "no_run")
        : answer("applied", null, room);
    room.results.set(id, { result, seq: room.seq });
    room.committed = room.seq;
    return result;
  }

  #tell(room: Room, fits: (seen: { epoch: string; seq: number }) => boolean, frame: ServerFrame): void {
    for (const connection of this.connections) {
      const seen = connection.live.get(room.id);
      if (seen === undefined || seen.epoch !== room.epoch || !fits(seen)) continue;
      seen.seq = room.seq;
      this.#put(connection, frame);
    }
  }

  #put({ socket }: Connection, frame: ServerFrame): void {
    socket.queue.push(JSON.stringify(frame));
    // Never within the call that caused it: a socket answers later.
    if (this.prompt) this.clock.after(0, () => socket.deliver());
  }
}

function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(16);
}
