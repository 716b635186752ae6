// W5: a command is sent until there is a result, and has one effect.
import { beforeEach, describe, expect, it } from "vitest";
import { type Client, createClient, SyncRefusal } from "./index";
import { MAX_TEXT } from "./protocol.gen";
import { ModelServer } from "./testing/server";
import { FakeBrowser, FakeClock, makeWorld, type World } from "./testing/world";

const ID = "01890000-0000-7000-8000-000000000001";

let clock: FakeClock;
let browser: FakeBrowser;
let server: ModelServer;
let tabs: number;

interface Tab {
  world: World;
  client: Client;
}

function tab(): Tab {
  const world = makeWorld(clock, browser, ++tabs);
  world.answer = server.accept;
  world.http = server.http;
  const client = createClient(world.ports);
  client.start();
  client.open(ID);
  clock.advance(50);
  return { world, client };
}

/** The tab is gone, as if killed. */
function kill({ world, client }: Tab): void {
  client.dispose();
  world.sockets.at(-1)?.cut();
}

function view({ client }: Tab, id = ID) {
  return client.conversation(id).getSnapshot();
}

function texts(): string[] {
  return server
    .room(ID)
    .transcript()
    .flatMap((item) => (item.kind === "message" ? [item.text] : []));
}

beforeEach(() => {
  clock = new FakeClock();
  browser = new FakeBrowser();
  server = new ModelServer(clock);
  server.create(ID);
  tabs = 0;
});

describe("one effect", () => {
  it("W5 server killed between apply and reply, ten times over: the message stands once", () => {
    const one = tab();
    server.mishaps = Array.from({ length: 10 }, () => "cut_after" as const);
    one.client.send(ID, "once");
    clock.advance(600_000);
    expect(server.commands.length).toBeGreaterThan(10);
    expect(new Set(server.commands.map(({ id }) => id)).size).toBe(1);
    expect(texts()).toEqual(["once"]);
    expect(view(one).pending).toEqual([]);
    expect(browser.data.size).toBe(0);
  });

  it("W5 retries what was lost, refused for now, or never answered", () => {
    const one = tab();
    server.mishaps = ["cut_before", "busy", "silent", "busy", "cut_before"];
    one.client.send(ID, "a");
    one.client.send(ID, "b");
    expect(view(one).pending.map(({ state }) => state)).toEqual(["sending", "sending"]);
    clock.advance(600_000);
    expect(texts()).toEqual(["a", "b"]);
    expect(view(one).pending).toEqual([]);
  });

  it("W11 an error about some frame is not about the message that happens to be on its way, unless it says so", () => {
    const one = tab();
    const error = { type: "error", code: "bad_frame", detail: "", retry: false, conversation: null };
    const hear = (command: string | null): void => {
      const socket = one.world.sockets.at(-1);
      socket?.queue.push(JSON.stringify({ ...error, command }));
      socket?.deliver();
    };
    server.mishaps = ["silent"];
    one.client.send(ID, "innocent");
    hear(null);
    expect(view(one).pending).toMatchObject([{ state: "sending", code: null }]);
    clock.advance(60_000);
    expect(texts()).toEqual(["innocent"]);
    server.mishaps = ["silent"];
    one.client.send(ID, "unreadable");
    hear(server.commands.at(-1)?.id ?? null);
    expect(view(one).pending).toMatchObject([{ state: "failed", code: "bad_command" }]);
  });

  it("W5 a server that is slow to say 'not now', again and again, is not taken for silent", () => {
    const one = tab();
    server.mishaps = Array.from({ length: 10 }, () => ["silent", "busy"] as const).flat();
    one.client.send(ID, "patient");
    clock.advance(3_600_000);
    expect(texts()).toEqual(["patient"]);
    expect(view(one).pending).toEqual([]);
  });

  it("W5 what was refused goes out when its conversation is in step again, and does not wait out its pause", () => {
    const one = tab();
    server.mishaps = Array.from({ length: 9 }, () => "busy" as const);
    one.client.send(ID, "at last");
    for (let ms = 0; server.mishaps.length > 0 && ms < 600_000; ms += 100) clock.advance(100);
    expect(texts()).toEqual([]);
    server.lose(ID, 0, true);
    clock.advance(1_000);
    expect(texts()).toEqual(["at last"]);
  });

  it("W5 a tab takes over what is dated in the future, because the clock was set back", () => {
    const staying = tab();
    const dying = tab();
    dying.world.sockets.at(-1)?.cut();
    dying.world.answer = () => {};
    dying.client.send(ID, "left");
    kill(dying);
    for (const [key, text] of browser.data) {
      const kept = JSON.parse(text) as { at: number };
      browser.data.set(key, JSON.stringify({ ...kept, at: kept.at + 7_200_000 }));
    }
    clock.advance(40_000);
    expect(texts()).toEqual(["left"]);
    expect(view(staying).pending).toEqual([]);
  });

  it("W5 two tabs that send what a third left behind have one effect", () => {
    const dead = tab();
    dead.world.sockets.at(-1)?.cut();
    dead.world.answer = () => {};
    dead.client.send(ID, "left");
    kill(dead);
    const [second, third] = [tab(), tab()];
    clock.advance(1_000);
    expect(texts()).toEqual(["left"]);
    expect(view(second).pending).toEqual([]);
    expect(view(third).pending).toEqual([]);
    expect(browser.data.size).toBe(0);
  });

  it("W5 a tab that stays takes over from one that dies", () => {
    const [dying, staying] = [tab(), tab()];
    dying.world.sockets.at(-1)?.cut();
    dying.world.answer = () => {};
    dying.client.send(ID, "left");
    kill(dying);
    clock.advance(10_000);
    expect(texts()).toEqual([]);
    clock.advance(40_000);
    expect(texts()).toEqual(["left"]);
    expect(view(staying).pending).toEqual([]);
  });

  it("W5 keeps the order in which a conversation's messages were sent, also across a reload", () => {
    const one = tab();
    one.world.sockets.at(-1)?.cut();
    one.world.answer = () => {};
    for (const text of ["1", "2", "3"]) one.client.send(ID, text);
    kill(one);
    const two = tab();
    server.mishaps = ["busy", "silent"];
    two.client.send(ID, "4");
    clock.advance(60_000);
    expect(texts()).toEqual(["1", "2", "3", "4"]);
  });
});

describe("what the person sees", () => {
  it("sending, then stored, then an item; never both and never neither", () => {
    const one = tab();
    server.prompt = false;
    const message = one.client.send(ID, "x");
    const socket = one.world.sockets.at(-1);
    const states: string[] = [];
    const look = (): void => {
      const { items, pending } = view(one);
      const item = items.filter(({ id }) => id === message).length;
      const waiting = pending.filter(({ id }) => id === message);
      expect(item + waiting.length).toBe(1);
      states.push(waiting[0]?.state ?? "item");
    };
    look();
    // The result may overtake the event.
    socket?.queue.reverse();
    while ((socket?.queue.length ?? 0) > 0) {
      socket?.deliver(1);
      look();
    }
    expect(states).toEqual(["sending", "stored", "item"]);
  });

  it("a refused message says why, survives a reload, and can be sent again or forgotten", () => {
    const one = tab();
    const gone = "01890000-0000-7000-8000-00000000dead";
    one.client.open(gone);
    const message = one.client.send(gone, "keep me");
    clock.advance(100);
    expect(view(one, gone).pending).toMatchObject([{ id: message, state: "failed", code: "not_found" }]);
    kill(one);
    const two = tab();
    expect(view(two, gone).pending).toMatchObject([{ id: message, text: "keep me", state: "failed" }]);
    clock.advance(60_000);
    expect(server.commands.filter(({ conversation }) => conversation === gone)).toHaveLength(1);
    server.create(gone);
    two.client.retry(gone, message);
    clock.advance(100);
    expect(server.room(gone).transcript()).toMatchObject([{ id: message, text: "keep me" }]);
    expect(browser.data.size).toBe(0);
  });

  it("W5 a refusal stands for its command, so sending again is another command with the same message", () => {
    const one = tab();
    server.mishaps = ["refuse"];
    const message = one.client.send(ID, "x");
    clock.advance(50);
    expect(view(one).pending).toMatchObject([{ id: message, state: "failed", code: "bad_command" }]);
    one.client.retry(ID, message);
    expect(view(one).pending).toMatchObject([{ id: message, state: "sending", code: null }]);
    clock.advance(50);
    expect(view(one).pending).toEqual([]);
    expect(view(one).items).toMatchObject([{ id: message, text: "x" }]);
    expect(browser.data.size).toBe(0);
  });

  it("W5 what was never answered is sent again under its own id, because it may have been applied", () => {
    const one = tab();
    server.mishaps = ["cut_after", ...Array.from({ length: 6 }, () => "silent" as const)];
    const message = one.client.send(ID, "x");
    clock.advance(120_000);
    expect(texts()).toEqual(["x"]);
    one.client.retry(ID, message);
    clock.advance(50);
    expect(new Set(server.commands.map(({ id }) => id)).size).toBe(1);
    expect(texts()).toEqual(["x"]);
  });

  it("a forgotten message leaves every tab", () => {
    const [one, two] = [tab(), tab()];
    const gone = "01890000-0000-7000-8000-00000000dead";
    const message = one.client.send(gone, "x");
    clock.advance(100);
    kill(two);
    const three = tab();
    expect(view(three, gone).pending).toHaveLength(1);
    one.client.discard(gone, message);
    expect(view(one, gone).pending).toEqual([]);
    expect(view(three, gone).pending).toEqual([]);
    expect(browser.data.size).toBe(0);
  });

  it("a message that the server never answers over good links is given to the person", () => {
    const one = tab();
    server.mishaps = Array.from({ length: 100 }, () => "silent" as const);
    one.client.send(ID, "x");
    clock.advance(120_000);
    expect(view(one).pending).toMatchObject([{ state: "failed", code: "unanswered" }]);
    expect(server.commands.length).toBeLessThan(10);
  });

  it("a new conversation is created, then spoken to, then opened", async () => {
    const one = tab();
    server.mishaps = ["cut_after"];
    const { conversation, message } = one.client.newConversation("assistant", "What time is it?\nNow.");
    one.client.open(conversation);
    expect(view(one, conversation)).toMatchObject({
      phase: "new",
      pending: [{ id: message, state: "sending" }],
    });
    expect(one.client.list.getSnapshot().conversations).toMatchObject([
      { id: conversation, title: "What time is it?", agent: "assistant", pending: true },
    ]);
    clock.advance(5_000);
    expect(view(one, conversation)).toMatchObject({ phase: "live", synced: true, items: [{ id: message }] });
    expect(view(one, conversation).pending).toEqual([]);
  });

  it("a conversation that may not be begun today keeps its message, which says why, and is begun later", () => {
    const one = tab();
    server.mishaps = ["spent"];
    const { conversation, message } = one.client.newConversation("assistant", "What time is it?");
    one.client.open(conversation);
    clock.advance(5_000);
    expect(view(one, conversation).pending).toMatchObject([
      { id: message, text: "What time is it?", state: "failed", code: "runs_spent" },
    ]);
    one.client.retry(conversation, message);
    clock.advance(5_000);
    expect(view(one, conversation)).toMatchObject({ phase: "live", items: [{ id: message }] });
    expect(view(one, conversation).pending).toEqual([]);
  });

  it("stop shows at once, and its outcome is told", async () => {
    const one = tab();
    server.append(ID, { type: "run.queued", run: "r", cause: "m" });
    clock.advance(50);
    expect(view(one).stopping).toBe(false);
    const outcome = one.client.stop(ID);
    expect(view(one).stopping).toBe(true);
    clock.advance(50);
    expect(await outcome).toEqual({ status: "applied" });
    expect(server.commands.at(-1)?.body).toEqual({ kind: "stop", run: "r" });
    server.append(ID, { type: "run.stopping", run: "r", by: "ada" });
    server.append(ID, { type: "run.stopped", run: "r", by: "ada" });
    clock.advance(50);
    expect(view(one)).toMatchObject({ stopping: false, run: { status: "stopped" } });
  });

  it("W5 a stop that was kept through an outage means the run of then, not a later one", async () => {
    const one = tab();
    server.append(ID, { type: "run.queued", run: "r", cause: "m" });
    clock.advance(50);
    one.world.sockets.at(-1)?.cut();
    const outcome = one.client.stop(ID);
    server.append(ID, { type: "run.finished", run: "r", limit: null, detail: "" });
    server.append(ID, { type: "run.queued", run: "later", cause: "n" });
    clock.advance(60_000);
    expect(await outcome).toEqual({ status: "rejected", code: "no_run" });
    expect(view(one)).toMatchObject({ stopping: false, run: { id: "later", status: "queued" } });
  });

  it("a rejected command says so and is not kept", async () => {
    const one = tab();
    const outcome = one.client.stop(ID);
    clock.advance(50);
    expect(await outcome).toEqual({ status: "rejected", code: "no_run" });
    expect(browser.data.size).toBe(0);
  });
});

describe("what is refused before it is stored", () => {
  function refusal(act: () => unknown): string {
    try {
      act();
    } catch (error) {
      if (error instanceof SyncRefusal) return error.code;
      throw error;
    }
    return "nothing";
  }

  it("empty, too long, no room: nothing is sent and nothing is kept", () => {
    const one = tab();
    expect(refusal(() => one.client.send(ID, " \n "))).toBe("empty");
    expect(refusal(() => one.client.send(ID, "x".repeat(MAX_TEXT + 1)))).toBe("too_long");
    browser.room = 1;
    expect(refusal(() => one.client.newConversation("a", "x"))).toBe("outbox_full");
    expect(browser.data.size).toBe(0);
    browser.room = 0;
    expect(refusal(() => one.client.send(ID, "x"))).toBe("outbox_full");
    clock.advance(60_000);
    expect(server.commands).toEqual([]);
  });

  it("a stop needs no room", async () => {
    const one = tab();
    browser.room = 0;
    void one.client.stop(ID);
    expect(server.commands).toMatchObject([{ body: { kind: "stop" } }]);
  });

  it("a text is sent without what no database keeps", () => {
    const one = tab();
    one.client.send(ID, "a\u0000b\tc\ud800 \u{1f600}\n");
    clock.advance(50);
    expect(texts()).toEqual(["ab\tc\ufffd \u{1f600}\n"]);
  });

  it("before it is known who writes: not ready", () => {
    const world = makeWorld(clock, browser);
    const client = createClient(world.ports);
    client.start();
    expect(refusal(() => client.send(ID, "x"))).toBe("not_ready");
  });

  it("another user's outbox is neither read nor sent", () => {
    const one = tab();
    one.world.sockets.at(-1)?.cut();
    one.world.answer = () => {};
    one.client.send(ID, "ada's");
    kill(one);
    server.user = "bob";
    const two = tab();
    clock.advance(60_000);
    expect(view(two).pending).toEqual([]);
    expect(texts()).toEqual([]);
    expect(browser.data.size).toBe(1);
  });

  it("a tab of one user that finds itself logged in as another stops there", () => {
    const one = tab();
    one.world.sockets.at(-1)?.cut();
    one.client.send(ID, "ada's");
    server.user = "bob";
    clock.advance(60_000);
    expect(one.client.connection.getSnapshot()).toEqual({ status: "goaway", reason: "logged_out" });
    expect(texts()).toEqual([]);
  });
});
