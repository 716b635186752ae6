// Whatever the network and the store do, the client ends where the server stands (rules W1–W5).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createClient } from "./index";
import { advance } from "./testing/agent";
import { ModelServer } from "./testing/server";
import { FakeBrowser, type FakeClock, makeWorld, type World } from "./testing/world";

const ID = "01890000-0000-7000-8000-000000000001";

type Op =
  | { do: "advance"; choices: number[] }
  | { do: "notes"; count: number }
  | { do: "send" }
  | { do: "deliver"; count: number }
  | { do: "drop" | "duplicate" | "swap"; at: number }
  | { do: "cut"; code: number }
  | { do: "goaway" }
  | { do: "lose"; count: number; tell: boolean }
  | { do: "wait"; ms: number }
  | { do: "older" }
  | { do: "mishap"; kind: ModelServer["mishaps"][number] }
  | { do: "pieces"; pieces: number }
  | { do: "reload" };

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      choices: fc.array(fc.nat(999), { maxLength: 12 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("notes" as const), count: fc.integer({ min: 1, max: 70 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ do: "send" as const }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("drop" as const, "duplicate" as const, "swap" as const),
      at: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("cut" as const), code: fc.constantFrom(1000, 1001, 1006, 1012) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "goaway" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("lose" as const), count: fc.nat(8), tell: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 30_000 }) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "older" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("mishap" as const),
      kind: fc.constantFrom("cut_before" as const, "cut_after" as const, "busy" as const, "silent" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("pieces" as const), pieces: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "reload" as const }) },
);

/** Lets promises that are settled run their continuations. */
async function breathe(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

class Story {
  readonly browser = new FakeBrowser();
  readonly clock: FakeClock;
  readonly server: ModelServer;
  world: World;
  client: ReturnType<typeof createClient>;
  sent: string[] = [];
  tabs = 1;

  constructor() {
    this.world = makeWorld(undefined, this.browser);
    this.clock = this.world.clock;
    this.server = new ModelServer(this.clock);
    this.server.create(ID);
    this.client = this.enter();
  }

  /** A tab that comes up on what the browser kept. */
  enter(): ReturnType<typeof createClient> {
    this.world = makeWorld(this.clock, this.browser, this.tabs++);
    this.world.answer = this.server.accept;
    this.world.http = this.server.http;
    this.world.latency = this.tabs % 2 === 0 ? 200 : 0;
    this.client = createClient(this.world.ports);
    this.client.start();
    this.client.open(ID);
    return this.client;
  }

  async play(step: Op): Promise<void> {
    const socket = this.world.sockets.at(-1);
    const queue = socket?.queue ?? [];
    switch (step.do) {
      case "advance":
        for (const choice of step.choices) advance(this.server, ID, choice);
        break;
      case "notes":
        for (let n = 0; n < step.count; n++) {
          const note = { message: `note${this.server.room(ID).seq}`, text: "n" };
          const origin = { entrance: "trigger", name: "" } as const;
          this.server.append(ID, { type: "note.added", ...note, origin });
        }
        break;
      case "send":
        // Nobody knows who writes before the first welcome.
        try {
          this.sent.push(this.client.send(ID, `text ${this.sent.length}`));
        } catch (error) {
          expect(String(error)).toContain("not_ready");
        }
        break;
      case "deliver":
        socket?.deliver(step.count);
        break;
      case "drop":
        queue.splice(step.at, 1);
        break;
      case "duplicate":
        if (queue[step.at] !== undefined) queue.splice(step.at, 0, queue[step.at] as string);
        break;
      case "swap":
        queue.push(...queue.splice(step.at, 1));
        break;
      case "cut":
        socket?.cut(step.code);
        break;
      case "goaway":
        queue.push(JSON.stringify({ type: "goaway", after_ms: 3_000, reason: "restart" }));
        break;
      case "lose":
        this.server.lose(ID, step.count, step.tell);
        break;
      case "wait":
        this.clock.advance(step.ms);
        break;
      case "older":
        void this.client.loadOlder(ID);
        break;
      case "mishap":
        this.server.mishaps.push(step.kind);
        break;
      case "pieces":
        this.server.pieces = step.pieces;
        break;
      case "reload":
        socket?.cut();
        this.client.dispose();
        this.enter();
    }
    await breathe();
  }

  /** The network works from now on, and the answer that streams goes on. */
  async calm(): Promise<void> {
    this.server.prompt = true;
    this.server.mishaps = [];
    this.clock.advance(60_000);
    this.world.sockets.at(-1)?.deliver();
    this.clock.advance(120_000);
    await breathe();
    // The last piece of text may be the one that was lost; the one after it shows that (rule W4).
    this.server.stream(ID, "on");
    this.clock.advance(60_000);
    await breathe();
  }

  check(): void {
    const room = this.server.room(ID);
    const view = this.client.conversation(ID).getSnapshot();
    expect(this.client.connection.getSnapshot()).toEqual({ status: "open" });
    expect(view.phase).toBe("live");
    expect(view.synced).toBe(true);
    expect(view.info).toEqual(room.state.info);
    expect(view.run).toEqual(room.state.run);
    const text = room.part?.text ?? "";
    const shown = room
      .transcript()
      .map((item) => (item.kind === "step" && item.status === "streaming" ? { ...item, text } : item));
    const window = new Set(room.state.items.map((item) => item.id));
    // Below the window stands what was loaded, without a hole; only open steps may stand further down.
    const lowest = view.items.find((item) => !window.has(item.id))?.seq ?? Number.POSITIVE_INFINITY;
    expect(view.items).toEqual(shown.filter((item) => item.seq >= lowest || window.has(item.id)));
    if (view.older === "none") expect(view.items).toEqual(shown);
    // W5: each message stands once, in the order in which it was sent, and nothing waits any more.
    expect(view.pending).toEqual([]);
    const messages = shown.flatMap((item) => (item.kind === "message" ? [item.id] : []));
    expect(messages).toEqual(this.sent);
    expect([...this.browser.data.keys()]).toEqual([]);
  }
}

describe("the client ends where the server stands", () => {
  it("W1 W2 W3 W4 W5 S6 after any losses, repetitions, reorderings, disconnects and lost tails", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 60, size: "max" }), async (ops) => {
        const story = new Story();
        story.clock.advance(100);
        story.server.prompt = false;
        for (const step of ops) await story.play(step);
        await story.calm();
        story.check();
        story.client.dispose();
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 400) },
    );
  }, 600_000);
});
