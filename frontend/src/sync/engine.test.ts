// What the UI relies on, told with a whole engine against the model server.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Client, createClient, HttpError } from "./index";
import type { Item } from "./protocol.gen";
import { advance } from "./testing/agent";
import { ModelServer } from "./testing/server";
import { type FakeSocket, makeWorld, type World } from "./testing/world";

const ID = "01890000-0000-7000-8000-000000000001";
const ORIGIN = { entrance: "web", name: "" } as const;

let world: World;
let server: ModelServer;
let client: Client;

function view() {
  return client.conversation(ID).getSnapshot();
}

function socket(): FakeSocket {
  const latest = world.sockets.at(-1);
  if (latest === undefined) throw new Error("no socket was made");
  return latest;
}

function opens(): { conversation: string; cursor?: string }[] {
  return world.sockets
    .flatMap(({ sent }) => sent.map((text) => JSON.parse(text) as { type: string; conversation: string }))
    .filter(({ type }) => type === "open");
}

async function breathe(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

function talk(count: number): void {
  for (let n = 0; n < count; n++) {
    const message = `m${server.room(ID).seq}`;
    server.append(ID, { type: "message.added", message, text: "t", origin: ORIGIN, attachments: [] });
  }
}

/** A step that streams. */
function speak(): void {
  while (server.room(ID).part === null) advance(server, ID, 3);
}

beforeEach(() => {
  world = makeWorld();
  server = new ModelServer(world.clock);
  server.create(ID);
  world.answer = server.accept;
  world.http = server.http;
  client = createClient(world.ports);
  client.start();
});

describe("a conversation that is looked at", () => {
  it("W1 reconnects with its cursor, and is not sent again what it has", () => {
    talk(5);
    client.open(ID);
    world.clock.advance(50);
    const before = view();
    expect(before.synced).toBe(true);
    socket().cut(1000);
    expect(view()).toMatchObject({ synced: false, phase: "live", items: before.items });
    world.clock.advance(2_000);
    expect(opens().at(-1)).toEqual({ type: "open", conversation: ID, cursor: server.room(ID).cursor() });
    expect(view().synced).toBe(true);
    expect(view().items).toBe(before.items);
  });

  it("W1 replaces everything when it missed something, and keeps the identity of nothing that changed", () => {
    talk(5);
    client.open(ID);
    world.clock.advance(50);
    socket().cut();
    server.lose(ID, 3, false);
    talk(1);
    world.clock.advance(2_000);
    expect(view().items).toEqual(server.room(ID).transcript());
  });

  it("W10 a snapshot in pieces is shown at once", () => {
    talk(40);
    server.pieces = 4;
    server.prompt = false;
    client.open(ID);
    world.clock.advance(5);
    socket().deliver(1);
    world.clock.advance(5);
    for (let piece = 1; piece < 4; piece++) {
      socket().deliver(1);
      expect(view()).toMatchObject({ phase: "opening", items: [] });
    }
    socket().deliver(1);
    expect(view().items).toHaveLength(40);
  });

  it("W2 a repeated event changes nothing, a missing one brings a snapshot without a cursor", () => {
    talk(2);
    client.open(ID);
    world.clock.advance(50);
    server.prompt = false;
    talk(1);
    socket().queue.push(...socket().queue);
    socket().deliver();
    expect(view().items).toHaveLength(3);
    expect(opens()).toHaveLength(1);
    talk(2);
    socket().queue.shift();
    socket().deliver(1);
    expect(opens()).toHaveLength(2);
    expect(opens().at(-1)).toEqual({ type: "open", conversation: ID });
    expect(view().synced).toBe(false);
    socket().deliver();
    expect(view().synced).toBe(true);
    expect(view().items).toHaveLength(5);
  });

  it("W3 finds a lost event on a silent link within one heartbeat and 2 s", () => {
    client.open(ID);
    world.clock.advance(50);
    server.prompt = false;
    talk(1);
    socket().queue = [];
    server.prompt = true;
    world.clock.advance(12_001);
    expect(view().items).toHaveLength(1);
    expect(world.sockets).toHaveLength(1);
  });

  it("W3 a heartbeat that events overtook is no reason for a snapshot", () => {
    client.open(ID);
    world.clock.advance(50);
    server.prompt = false;
    world.clock.advance(10_000);
    const beats = socket().queue;
    talk(3);
    socket().queue = [...socket().queue.filter((text) => !beats.includes(text)), ...beats];
    socket().deliver();
    server.prompt = true;
    world.clock.advance(60_000);
    expect(opens()).toHaveLength(1);
  });

  it("W4 text grows by offset; a retry begins from nothing; a hole brings the text so far", () => {
    speak();
    client.open(ID);
    world.clock.advance(50);
    const text = (): string | undefined => view().items.findLast((item) => item.kind === "step")?.text;
    server.stream(ID, "你好 ");
    server.stream(ID, "\u{1f600} there");
    world.clock.advance(50);
    expect(text()).toBe("你好 \u{1f600} there");
    const step = view().items.at(-1);
    if (step?.kind !== "step") throw new Error("no step");
    const again = { run: step.run, step: step.id, attempt: 2, model: "m", request: null, agent: "" };
    server.append(ID, { type: "step.started", ...again });
    world.clock.advance(50);
    expect(text()).toBe("");
    server.prompt = false;
    server.stream(ID, "one ");
    socket().queue = [];
    server.stream(ID, "two");
    socket().deliver();
    expect(opens()).toHaveLength(2);
    socket().deliver();
    expect(text()).toBe("one two");
  });

  it("does not ask again and again for what cannot be had", () => {
    client.open(ID);
    world.clock.advance(50);
    for (let n = 0; n < 300; n++) {
      const event = { type: "conversation.renamed", title: "x", at: 0 };
      const broken = {
        type: "event",
        conversation: ID,
        prev: "other:8:x",
        cursor: "other:9:y",
        seq: 9,
        event,
      };
      socket().queue.push(JSON.stringify(broken));
      world.clock.advance(100);
      socket().deliver();
    }
    // 30 s of nothing but broken frames.
    expect(opens().length).toBeLessThan(30);
    // The first one, three at once, and then it goes on trying.
    expect(opens().length).toBeGreaterThan(5);
  });

  it("B6 asks at once for each of several branches that somebody goes through, and not for ever", () => {
    client.open(ID);
    world.clock.advance(50);
    const before = opens().length;
    const another = () => {
      socket().queue.push(JSON.stringify({ type: "resync", conversation: ID, reason: "epoch" }));
      world.clock.advance(300);
      socket().deliver();
    };
    for (let n = 1; n <= 8; n++) {
      another();
      expect(opens().length).toBe(before + n);
    }
    for (let n = 0; n < 300; n++) another();
    expect(opens().length).toBeLessThan(before + 8 + 150);
  });

  it("is told that it is gone, and does not ask again", () => {
    const none = "01890000-0000-7000-8000-00000000dead";
    client.open(none);
    world.clock.advance(60_000);
    expect(client.conversation(none).getSnapshot().phase).toBe("gone");
    expect(opens().filter(({ conversation }) => conversation === none)).toHaveLength(1);
  });

  it("stays live for a while after it was left, then is closed", () => {
    const others = ["2", "3", "4", "5"].map((n) => ID.replace(/1$/, n));
    for (const id of others) server.create(id);
    client.open(ID)();
    for (const id of others) client.open(id)();
    world.clock.advance(50);
    const closed = socket()
      .sent.map((text) => JSON.parse(text) as { type: string })
      .filter(({ type }) => type === "close");
    // Opened before the link was up, so the two oldest were forgotten before they were ever asked for.
    expect(closed).toEqual([]);
    expect(opens().map(({ conversation }) => conversation)).not.toContain(ID);
    client.open(ID);
    world.clock.advance(50);
    expect(view().synced).toBe(true);
  });
});

describe("older items", () => {
  it("stay when they leave the window, and come by page, without a hole", async () => {
    talk(120);
    client.open(ID);
    world.clock.advance(50);
    talk(30);
    world.clock.advance(50);
    expect(view().items).toHaveLength(80);
    expect(view().older).toBe("more");
    for (let page = 0; page < 10 && view().older === "more"; page++) {
      const loading = client.loadOlder(ID);
      expect(view().older).toBe("loading");
      await loading;
    }
    expect(view().older).toBe("none");
    expect(view().items).toEqual(server.room(ID).transcript());
  });

  it("survive a reconnect in the same epoch, and not one in another", async () => {
    talk(120);
    client.open(ID);
    world.clock.advance(50);
    await client.loadOlder(ID);
    expect(view().items).toHaveLength(80);
    socket().cut();
    talk(2);
    world.clock.advance(2_000);
    expect(view().items).toHaveLength(82);
    socket().cut();
    server.lose(ID, 1, false);
    world.clock.advance(2_000);
    expect(view().items).toHaveLength(50);
    expect(view().older).toBe("more");
  });

  it("do not survive a hole", async () => {
    talk(120);
    client.open(ID);
    world.clock.advance(50);
    await client.loadOlder(ID);
    socket().cut();
    talk(60);
    world.clock.advance(2_000);
    expect(view().items).toHaveLength(50);
  });

  it("say when they cannot be had, and can be asked for again", async () => {
    talk(60);
    client.open(ID);
    world.clock.advance(50);
    world.http = () => null;
    await client.loadOlder(ID);
    expect(view().older).toBe("failed");
    world.http = server.http;
    await client.loadOlder(ID);
    expect(view().items).toHaveLength(60);
  });
});

describe("what a component sees", () => {
  it("one notification per frame for hundreds of pieces of text, and only the streaming item is new", () => {
    talk(20);
    speak();
    client.open(ID);
    world.clock.advance(50);
    const heard = vi.fn();
    client.conversation(ID).subscribe(heard);
    const before = view();
    for (let n = 0; n < 200; n++) server.stream(ID, "word ");
    world.clock.advance(16);
    expect(heard).toHaveBeenCalledTimes(1);
    const same = (item: Item, index: number): boolean => item === before.items[index];
    expect(view().items.filter((item, index) => !same(item, index))).toHaveLength(1);
  });

  it("a background tab, whose frames and timers stand still, is right when it is looked at", () => {
    client.dispose();
    world.ports.frame = () => () => {};
    client = createClient(world.ports);
    client.start();
    client.open(ID);
    world.clock.advance(50);
    const heard = vi.fn();
    client.conversation(ID).subscribe(heard);
    server.prompt = false;
    talk(3);
    world.clock.sleep(600_000);
    socket().deliver();
    expect(heard).not.toHaveBeenCalled();
    expect(view().items).toHaveLength(3);
    expect(view().synced).toBe(true);
  });

  it("the server's clock, not the machine's", () => {
    server.prompt = false;
    world.clock.advance(5);
    const welcome = JSON.parse(socket().queue[0] ?? "{}") as { now: number };
    socket().queue = [JSON.stringify({ ...welcome, now: world.clock.now() - 86_400_000 })];
    socket().deliver();
    expect(client.now()).toBe(world.clock.now() - 86_400_000);
  });
});

describe("over HTTP", () => {
  const entry = (n: number, updated_at = 1_000 - n) => ({
    id: `id${n}`,
    title: `t${n}`,
    agent: "a",
    created_at: 0,
    updated_at,
    run_status: null,
  });
  let asked: string[];

  function answers(list: (path: string) => unknown, status = 200): void {
    asked = [];
    world.http = (path) => {
      if (!path.startsWith("/api/conversations?")) return { status: 404, text: "{}" };
      asked.push(path);
      return { status, text: JSON.stringify(list(path)) };
    };
  }

  it("many bells make one request, and the list keeps the identity of what did not change", async () => {
    answers(() => ({ conversations: [entry(1), entry(2)], more: false }));
    world.clock.advance(500);
    await breathe();
    const before = client.list.getSnapshot();
    expect(before).toMatchObject({ status: "ready", conversations: [{ id: "id1" }, { id: "id2" }] });
    asked = [];
    answers(() => ({ conversations: [entry(1, 5_000), entry(2)], more: false }));
    for (let n = 0; n < 20; n++) socket().queue.push(JSON.stringify({ type: "list" }));
    socket().deliver();
    world.clock.advance(500);
    await breathe();
    expect(asked).toHaveLength(1);
    expect(client.list.getSnapshot().conversations[1]).toBe(before.conversations[1]);
    expect(client.list.getSnapshot().conversations[0]?.updated_at).toBe(5_000);
  });

  it("an answer to an earlier search is dropped", async () => {
    world.latency = 300;
    answers((path) => ({ conversations: [entry(path.includes("q=new") ? 2 : 1)], more: false }));
    client.search("old");
    world.clock.advance(150);
    client.search("new&");
    world.clock.advance(320);
    await breathe();
    expect(client.list.getSnapshot()).toMatchObject({ query: "new&", status: "loading", conversations: [] });
    world.clock.advance(1_000);
    await breathe();
    world.clock.advance(1_000);
    await breathe();
    expect(client.list.getSnapshot()).toMatchObject({ status: "ready", conversations: [{ id: "id2" }] });
    expect(asked.at(-1)).toContain("q=new%26");
  });

  it("pages follow each other by the time of the last entry", async () => {
    answers((path) =>
      path.includes("before=998")
        ? { conversations: [entry(3)], more: false }
        : { conversations: [entry(1), entry(2)], more: true },
    );
    world.clock.advance(500);
    await breathe();
    client.loadMoreConversations();
    client.loadMoreConversations();
    await breathe();
    const { conversations, more } = client.list.getSnapshot();
    expect(conversations.map(({ id }) => id)).toEqual(["id1", "id2", "id3"]);
    expect(more).toBe(false);
    expect(asked.filter((path) => path.includes("before="))).toHaveLength(1);
  });

  it("what fails says why, and is tried again only when that helps", async () => {
    answers(() => ({ detail: "Wait a second." }), 429);
    world.clock.advance(500);
    await breathe();
    expect(client.list.getSnapshot()).toMatchObject({
      status: "failed",
      problem: { code: "too_fast", status: 429, detail: "Wait a second.", retry: true },
    });
    answers(() => ({ conversations: [], more: false }));
    world.clock.advance(10_000);
    await breathe();
    expect(client.list.getSnapshot()).toMatchObject({ status: "ready", problem: null });
    await expect(client.callDetail(ID, "c")).rejects.toBeInstanceOf(HttpError);
    await expect(client.callDetail(ID, "c")).rejects.toMatchObject({ problem: { code: "not_found" } });
  });
});
