// Simulated people for the chaos runs: many engines in one Node process, each with real sockets, a storage of its own, a
// clock that may be wrong by hours, and a link that may lose, repeat, delay and reorder frames. What happens is written to
// stdout as JSON lines; a line on stdin ends the work: mishaps cease, everything comes to rest, and every client says
// what it sees. Started by tests/recovery/chaos/clients.py with one JSON argument, `Task`.
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { MAIN } from "../branches";
import { type Client, createClient } from "../index";
import type { Ports, SocketHandlers, SocketPort } from "../ports";
import type { ClientFrame, ServerFrame } from "../protocol.gen";
import { nodePorts } from "./node";
import { otherBranch, secondThought, type Thought } from "./thoughts";

interface Task {
  /** Addresses of the servers, http://host:port, with their path if they are below one. */
  servers: string[];
  /** Cookie headers by person. */
  people: { name: string; cookie: string }[];
  /** Conversations; each has a client that writes and one that only looks. */
  conversations: number;
  /** Milliseconds between two messages of a client, on average. */
  pace: number;
  seed: number;
  /** Probability that a frame from the server is lost, repeated, or held back. */
  mishaps: number;
  /** Probability that somebody who would speak thinks better of something instead; every other person never does. */
  second_thoughts: number;
}

/**
 * All must be at rest for so long: three heartbeats of a chaos run. What one tab does is answered a moment before the
 * other one hears of it, and who has missed something is told by the next heartbeat.
 */
const REST_MS = 3_000;

const task = JSON.parse(process.argv[2] ?? "") as Task;
let calm = false;

function tell(what: string, fields: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ what, at: Date.now(), ...fields })}\n`);
}

/** Repeatable random numbers (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What one socket carried, looked at before any mishap: frames of a conversation must follow each other (rule W2). */
class Observer {
  /** Where each conversation is, and since when (ms since the Unix epoch). */
  readonly #places = new Map<string, { cursor: string; since: number }>();
  #began = Date.now();
  readonly #synced = new Set<string>();

  /** `link`: which of the servers it leads to, from 1. */
  constructor(
    private readonly client: string,
    private readonly link: number,
  ) {}

  /** The socket is open: what is measured begins here. */
  opened(): void {
    this.#began = Date.now();
  }

  sent(frame: ClientFrame): void {
    if (frame.type === "open") this.#places.delete(frame.conversation);
    if (frame.type === "command")
      tell("command", {
        client: this.client,
        conversation: frame.conversation,
        id: frame.id,
        body: frame.body,
      });
  }

  received(frame: ServerFrame): void {
    if (frame.type === "result")
      tell("result", { client: this.client, id: frame.id, status: frame.status, code: frame.code ?? null });
    if (frame.type === "snapshot") this.#at(frame.conversation, frame.cursor);
    if (frame.type === "resync") this.#places.delete(frame.conversation);
    if (frame.type === "synced" && !this.#synced.has(frame.conversation)) {
      this.#synced.add(frame.conversation);
      tell("synced", {
        client: this.client,
        link: this.link,
        conversation: frame.conversation,
        ms: Date.now() - this.#began,
      });
    }
    if (frame.type !== "event") return;
    const { conversation, event } = frame;
    const before = this.#places.get(conversation);
    if (before !== undefined && before.cursor !== frame.prev)
      tell("broken_chain", {
        client: this.client,
        link: this.link,
        conversation,
        before: before.cursor,
        since: before.since,
        prev: frame.prev,
      });
    this.#at(conversation, frame.cursor);
    if (event.type === "run.recovering" || event.type === "run.started")
      tell("seen", { client: this.client, conversation, type: event.type, run: event.run });
  }

  #at(conversation: string, cursor: string): void {
    this.#places.set(conversation, { cursor, since: Date.now() });
  }
}

function ports(name: string, cookie: string, random: () => number): Ports {
  const skew = Math.floor((random() - 0.5) * 10 * 3_600_000);
  let server = task.servers[Math.floor(random() * task.servers.length)] ?? "";

  function connect(handlers: SocketHandlers): SocketPort {
    server = task.servers[Math.floor(random() * task.servers.length)] ?? server;
    const observer = new Observer(name, task.servers.indexOf(server) + 1);
    const socket = new WebSocket(`${server.replace("http", "ws")}/ws`, {
      headers: { Cookie: cookie, Origin: new URL(server).origin },
      handshakeTimeout: 5_000,
    });
    let over = false;
    const closed = (code: number): void => {
      if (over) return;
      over = true;
      handlers.closed(code);
    };
    const hand = (text: string): void => {
      if (!over) handlers.received(text);
    };
    socket.on("open", () => {
      observer.opened();
      handlers.opened();
    });
    socket.on("message", (data) => {
      const text = data.toString();
      observer.received(JSON.parse(text) as ServerFrame);
      const luck = calm ? 1 : random() / task.mishaps;
      if (luck < 1 / 4) return; // lost
      if (luck < 2 / 4) hand(text); // twice
      if (luck < 3 / 4 && luck >= 2 / 4) {
        setTimeout(() => hand(text), random() * 400); // late, so out of order
        return;
      }
      hand(text);
    });
    socket.on("close", (code) => closed(code));
    socket.on("error", () => closed(1006));
    return {
      send: (text) => {
        if (socket.readyState !== WebSocket.OPEN) return;
        observer.sent(JSON.parse(text) as ClientFrame);
        socket.send(text);
      },
      close: () => socket.terminate(),
    };
  }

  return { ...nodePorts(() => server, cookie, { random, skew }), connect };
}

/** A message that the scripted model understands (tests/recovery/chaos/model.py). `tag` is found in what it is asked. */
function plan(random: () => number, tag: string): string {
  const ms = (most: number): number => Math.floor(random() * most);
  const one = (): string => {
    const name = ["pay", "pay", "post", "put", "look"][Math.floor(random() * 5)] ?? "pay";
    return `${name} ${ms(900)} ${ms(900)}`;
  };
  const steps = Array.from({ length: Math.floor(random() * 3) }, () =>
    random() < 0.4 ? `[${one()}, ${one()}]` : `[${one()}]`,
  );
  return `${tag}: ${steps.join(" ")} say ${5 + ms(60)}`;
}

/** The tag of a message: it keeps it when it is corrected where it stands. */
function tagOf(text: string): string {
  return text.slice(0, text.indexOf(":"));
}

class Person {
  readonly client: Client;
  conversation: string | null = null;
  /** When each call in doubt was first seen. */
  readonly #doubts = new Map<string, number>();
  #sent = 0;
  #next = 0;
  /** Commands that are not messages, on their way. */
  #asked = 0;
  /** When a branch was last asked for that hides a run which waits for a word. */
  #soughtAt = 0;

  constructor(
    readonly name: string,
    cookie: string,
    private readonly random: () => number,
    /** Probability that something is thought better of. */
    private readonly thoughtful: number,
  ) {
    this.client = createClient(ports(name, cookie, random));
    this.client.start();
  }

  look(conversation: string): void {
    this.conversation = conversation;
    this.client.open(conversation);
  }

  /** Something a person would do now; writers only. */
  act(): void {
    const now = Date.now();
    if (now < this.#next) return;
    this.#next = now + task.pace * (0.3 + 1.4 * this.random());
    try {
      if (this.conversation === null) {
        const { conversation, message } = this.client.newConversation("", this.#plan());
        this.look(conversation);
        tell("said", { client: this.name, conversation, message });
        return;
      }
      const view = this.client.conversation(this.conversation).getSnapshot();
      const active = view.run !== null && view.run.ended_at === null;
      if (view.pending.length > 3) return;
      const thought = this.random() < this.thoughtful ? secondThought(view, this.random) : null;
      if (thought !== null) {
        this.#do(thought);
        return;
      }
      // Who never thinks twice takes nothing back either.
      const withdraw = this.thoughtful > 0 && this.random() < 0.3;
      if (active && this.random() < 0.15) void this.client.stop(this.conversation, withdraw);
      else if (!active || this.random() < 0.3) {
        const message = this.client.send(this.conversation, this.#plan());
        tell("said", { client: this.name, conversation: this.conversation, message });
      }
    } catch (refused) {
      tell("refused", { client: this.name, why: String(refused) });
    }
  }

  /** Look at another branch now and then, in a tab in which nothing is said. */
  browse(): void {
    const now = Date.now();
    if (this.conversation === null || now < this.#next) return;
    this.#next = now + 3 * task.pace * (0.3 + 1.4 * this.random());
    this.#do(otherBranch(this.client.conversation(this.conversation).getSnapshot(), this.random));
  }

  #do(thought: Thought | null): void {
    if (this.conversation === null || thought === null || this.#asked > 0) return;
    this.#asked += 1;
    void this.#ask(this.conversation, thought).finally(() => {
      this.#asked -= 1;
    });
  }

  #ask(conversation: string, thought: Thought): Promise<unknown> {
    const { client, random } = this;
    switch (thought.what) {
      case "try again":
        return client.tryAgain(conversation, thought.item);
      case "rewrite":
        return client.rewrite(conversation, thought.message.id, this.#plan());
      case "edit": {
        // No two corrections say the same, so that each can be looked for in the journal.
        const text = `${plan(random, tagOf(thought.message.text))}, corrected ${++this.#sent}`;
        return client.edit(conversation, thought.message.id, text);
      }
      case "withdraw":
        return client.withdraw(conversation, thought.message);
      case "choose":
        return client.choose(conversation, thought.branch);
    }
  }

  #plan(): string {
    return plan(this.random, `Number ${this.name}.${++this.#sent}`);
  }

  /** Decide about calls in doubt, some time after they were seen; those of a branch that is hidden are gone to. */
  decide(patience: number): void {
    if (this.conversation === null) return;
    const view = this.client.conversation(this.conversation).getSnapshot();
    const branch = view.run?.branch ?? MAIN;
    const hidden = view.branches !== null && view.branches.shown !== branch;
    if (hidden && view.run?.status === "waiting" && Date.now() - this.#soughtAt > patience) {
      this.#soughtAt = Date.now();
      this.#do({ what: "choose", branch });
    }
    for (const item of view.items) {
      if (item.kind !== "step") continue;
      for (const call of item.calls) {
        if (call.status !== "in_doubt") continue;
        const since = this.#doubts.get(call.id) ?? Date.now();
        this.#doubts.set(call.id, since);
        if (Date.now() - since < patience) continue;
        this.#doubts.set(call.id, Date.now());
        const decision = (["happened", "did_not_happen", "run_again"] as const)[
          Math.floor(this.random() * 3)
        ];
        if (decision === undefined) continue;
        void this.client.settle(this.conversation, call.id, decision, "A person looked.");
      }
    }
  }

  /** Whether nothing is on its way any more. */
  get rests(): boolean {
    if (this.conversation === null) return true;
    const view = this.client.conversation(this.conversation).getSnapshot();
    const active = view.run !== null && view.run.ended_at === null;
    return view.synced && view.pending.length === 0 && this.#asked === 0 && !active && view.phase === "live";
  }

  report(): void {
    if (this.conversation === null) return;
    const view = this.client.conversation(this.conversation).getSnapshot();
    tell("final", {
      client: this.name,
      conversation: this.conversation,
      rests: this.rests,
      synced: view.synced,
      phase: view.phase,
      pending: view.pending,
      run: view.run,
      info: view.info,
      items: view.items,
      branches: view.branches,
      seen: view.seen,
      connection: this.client.connection.getSnapshot(),
    });
  }
}

const random = dice(task.seed);
const writers: Person[] = [];
const watchers: Person[] = [];
for (let number = 0; number < task.conversations; number++) {
  const person = task.people[number % task.people.length];
  if (person === undefined) throw new Error("nobody is there");
  // Every other conversation has no branch ever: nothing of them may show there (rule B7).
  const thoughtful = number % 2 === 0 ? task.second_thoughts : 0;
  const meet = (name: string): Person =>
    new Person(`${name}${number}`, person.cookie, dice(Math.floor(random() * 2 ** 31)), thoughtful);
  writers.push(meet("w"));
  watchers.push(meet("l"));
}

const work = setInterval(() => {
  writers.forEach((writer, number) => {
    if (!calm) writer.act();
    writer.decide(calm ? 200 : 1_500);
    const watcher = watchers[number];
    if (writer.conversation !== null && watcher !== undefined && watcher.conversation === null) {
      const view = writer.client.conversation(writer.conversation).getSnapshot();
      if (view.phase === "live") watcher.look(writer.conversation);
    }
    if (!calm) watcher?.browse();
  });
}, 100);

const orders = createInterface({ input: process.stdin });
orders.on("close", () => process.exit(0));
orders.on("line", (line) => {
  const { end_within } = JSON.parse(line) as { end_within: number };
  calm = true;
  const until = Date.now() + end_within;
  let movedAt = Date.now();
  const ending = setInterval(() => {
    const all = [...writers, ...watchers];
    if (!all.every((person) => person.rests)) movedAt = Date.now();
    if (Date.now() < until && Date.now() < movedAt + REST_MS) return;
    clearInterval(ending);
    clearInterval(work);
    for (const person of all) person.report();
    tell("over", {});
    process.stdout.write("", () => process.exit(0));
  }, 100);
});
