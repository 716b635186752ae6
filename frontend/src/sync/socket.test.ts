import { beforeEach, describe, expect, it, vi } from "vitest";
import { PROTOCOL, type ServerFrame } from "./protocol.gen";
import { Link } from "./socket";
import { type FakeSocket, makeWorld, type World } from "./testing/world";

const WELCOME: ServerFrame = {
  type: "welcome",
  protocol: PROTOCOL,
  user: "ada",
  now: 0,
  heartbeat_ms: 10_000,
};

let world: World;
let link: Link;
const heard = { up: vi.fn(), down: vi.fn(), frame: vi.fn(), stale: vi.fn(), changed: vi.fn() };

function latest(): FakeSocket {
  const socket = world.sockets.at(-1);
  if (socket === undefined) throw new Error("no socket was made");
  return socket;
}

function say(frame: ServerFrame, socket = latest()): void {
  socket.queue.push(JSON.stringify(frame));
  socket.deliver();
}

function sent(socket = latest()): { type: string }[] {
  return socket.sent.map((text) => JSON.parse(text) as { type: string });
}

/** A server that greets. */
function greets(socket: FakeSocket): void {
  socket.open({ received: () => {}, closed: () => {} });
  world.clock.after(0, () => say(WELCOME, socket));
}

beforeEach(() => {
  world = makeWorld();
  for (const spy of Object.values(heard)) spy.mockReset();
  link = new Link(world.ports, heard, "tab");
  world.answer = greets;
});

describe("a link that comes up", () => {
  it("says hello first, and is open only after welcome", () => {
    world.answer = (socket) => socket.open({ received: () => {}, closed: () => {} });
    link.start();
    world.clock.advance(10);
    link.send({ type: "ping" });
    expect(sent()).toEqual([{ type: "hello", protocol: PROTOCOL, tab: "tab", token: "token" }]);
    expect(link.status.status).toBe("connecting");
    say(WELCOME);
    expect(link.status).toEqual({ status: "open" });
    expect(heard.up).toHaveBeenCalledTimes(1);
  });

  it("W11 says hello when the token has come, and not before", () => {
    const { hello: _, ...ports } = world.ports;
    link = new Link(ports, heard, "tab");
    link.start();
    world.clock.advance(10);
    expect(sent()).toEqual([]);
    link.greet("late");
    expect(sent()).toEqual([{ type: "hello", protocol: PROTOCOL, tab: "tab", token: "late" }]);
    world.clock.advance(1);
    expect(link.status).toEqual({ status: "open" });
    link.greet("later");
    expect(sent()).toHaveLength(1);
  });

  it("W11 asks for another token when its own is of another login, and waits longer each time", () => {
    world.answer = (socket) => {
      socket.open({ received: () => {}, closed: () => {} });
      world.clock.after(0, () => say({ type: "goaway", after_ms: 0, reason: "token" }, socket));
    };
    heard.stale.mockImplementation(() => link.greet("never right"));
    link.start();
    world.clock.advance(10);
    expect(heard.stale).toHaveBeenCalledTimes(1);
    expect(link.status).toMatchObject({ status: "offline", said: null });
    world.clock.advance(600_000);
    expect(world.sockets.length).toBeLessThan(120);
    world.answer = greets;
    world.clock.advance(20_010);
    expect(link.status).toEqual({ status: "open" });
    expect(sent()[0]).toMatchObject({ token: "never right" });
  });

  it("gives up a server that never greets", () => {
    world.answer = (socket) => socket.open({ received: () => {}, closed: () => {} });
    link.start();
    world.clock.advance(10_001);
    expect(world.sockets[0]?.state).toBe("closed");
    expect(link.status.status).toBe("offline");
    expect(heard.down).not.toHaveBeenCalled();
  });

  it("stays as long as it is told to wait, and says until when (W9)", () => {
    world.answer = (socket) => socket.open({ received: () => {}, closed: () => {} });
    link.start();
    world.clock.advance(9_000);
    say({ type: "wait", after_ms: 12_000 });
    expect(link.status).toMatchObject({ status: "connecting", turnAt: world.clock.now() + 12_000 });
    world.clock.advance(9_000);
    say({ type: "wait", after_ms: 3_000 });
    world.clock.advance(9_000);
    expect(world.sockets).toHaveLength(1);
    say(WELCOME);
    expect(link.status).toEqual({ status: "open" });
  });

  it("gives up a server that has stopped telling it to wait", () => {
    world.answer = (socket) => socket.open({ received: () => {}, closed: () => {} });
    link.start();
    world.clock.advance(10);
    say({ type: "wait", after_ms: 60_000 });
    world.clock.advance(10_001);
    expect(link.status.status).toBe("offline");
  });

  it("takes what is no frame for nothing", () => {
    link.start();
    world.clock.advance(10);
    latest().queue.push("<html>", "null", "7");
    latest().deliver();
    expect(link.status.status).toBe("open");
    expect(heard.frame).not.toHaveBeenCalled();
  });
});

describe("a link that is lost", () => {
  it.each([1000, 1001, 1006, 1011, 1012])("W9 comes back after a close with %d", (code) => {
    link.start();
    world.clock.advance(10);
    latest().cut(code);
    expect(heard.down).toHaveBeenCalledTimes(1);
    const { status } = link;
    if (status.status !== "offline") throw new Error(status.status);
    expect(status.retryAt).toBeLessThanOrEqual(world.clock.now() + 1_000);
    world.clock.advance(1_010);
    expect(link.status.status).toBe("open");
    expect(world.sockets).toHaveLength(2);
  });

  it("W9 waits longer each time while the server drops it at once, and at most 20 s", () => {
    world.answer = (socket) => socket.cut(1006);
    link.start();
    world.clock.advance(600_000);
    expect(link.status).toMatchObject({ attempt: expect.any(Number) });
    // Full jitter means 10 s on average at the cap.
    expect(world.sockets.length).toBeGreaterThan(30);
    expect(world.sockets.length).toBeLessThan(130);
  });

  it("shows one outage as one: `downSince` stays while it tries", () => {
    link.start();
    world.clock.advance(10);
    const lost = world.clock.now();
    world.answer = (socket) => socket.cut(1006);
    latest().cut(1000);
    world.clock.advance(120_000);
    expect(link.status).toMatchObject({ downSince: lost });
  });

  it("W9 honours goaway, and says that it is a restart", () => {
    link.start();
    world.clock.advance(10);
    say({ type: "goaway", after_ms: 4_000, reason: "restart" });
    expect(link.status).toMatchObject({ status: "offline", said: "restart" });
    expect(heard.down).toHaveBeenCalledTimes(1);
    world.clock.advance(3_999);
    expect(world.sockets).toHaveLength(1);
    world.clock.advance(600);
    expect(link.status.status).toBe("open");
  });

  it("W9 comes back slowly when it was one socket too many", () => {
    link.start();
    world.clock.advance(10);
    say({ type: "goaway", after_ms: 30_000, reason: "crowded" });
    expect(link.status).toMatchObject({ status: "offline", said: "crowded" });
    world.clock.advance(29_990);
    expect(world.sockets).toHaveLength(1);
    world.clock.advance(600);
    expect(link.status.status).toBe("open");
  });

  it.each(["protocol", "logged_out"] as const)("ends for good on goaway %s", (reason) => {
    link.start();
    world.clock.advance(10);
    say({ type: "goaway", after_ms: 0, reason });
    world.clock.advance(600_000);
    world.environment.tell("wake");
    link.reconnect();
    expect(link.status).toEqual({ status: "goaway", reason });
    expect(world.sockets).toHaveLength(1);
  });

  it("ends for good when the server refuses a stranger", () => {
    world.answer = (socket) => socket.cut(4401);
    link.start();
    world.clock.advance(60_000);
    expect(link.status).toEqual({ status: "goaway", reason: "logged_out" });
  });

  it("hears nothing of a socket that it gave up", () => {
    link.start();
    world.clock.advance(10);
    const old = latest();
    say({ type: "goaway", after_ms: 0, reason: "restart" });
    world.clock.advance(1_000);
    heard.down.mockReset();
    old.state = "open";
    old.queue.push(JSON.stringify({ type: "list" }));
    old.deliver();
    old.cut(1006);
    expect(heard.frame).not.toHaveBeenCalled();
    expect(heard.down).not.toHaveBeenCalled();
    expect(link.status.status).toBe("open");
  });
});

describe("a link that is silent", () => {
  it("W3 asks, and is taken for lost when there is no answer", () => {
    link.start();
    world.clock.advance(10);
    world.clock.advance(15_000);
    expect(sent().at(-1)).toEqual({ type: "ping" });
    world.clock.advance(5_000);
    expect(heard.down).toHaveBeenCalledTimes(1);
    expect(world.sockets[0]?.state).toBe("closed");
  });

  it("stays while the server is heard, whatever it says", () => {
    link.start();
    world.clock.advance(10);
    for (let n = 0; n < 20; n++) {
      world.clock.advance(12_000);
      say({ type: "list" });
    }
    expect(heard.down).not.toHaveBeenCalled();
    expect(sent().filter(({ type }) => type === "ping")).toEqual([]);
  });

  it("checks at once when the tab wakes up, and finds the dead socket within 2.5 s", () => {
    link.start();
    world.clock.advance(10);
    world.clock.sleep(3_600_000);
    world.environment.tell("wake");
    expect(sent().at(-1)).toEqual({ type: "ping" });
    world.clock.advance(2_500);
    expect(heard.down).toHaveBeenCalledTimes(1);
  });

  it("keeps a socket that survived the sleep", () => {
    link.start();
    world.clock.advance(10);
    world.clock.sleep(3_600_000);
    world.environment.tell("wake");
    say({ type: "pong", now: 0 });
    world.clock.advance(12_000);
    expect(heard.down).not.toHaveBeenCalled();
  });

  it("does not wait for the countdown when the tab wakes up or the person asks", () => {
    for (const nudge of [() => world.environment.tell("wake"), () => link.reconnect()]) {
      world = makeWorld();
      world.answer = (socket) => socket.cut(1006);
      link = new Link(world.ports, heard, "tab");
      link.start();
      world.clock.advance(60_000);
      world.answer = greets;
      // Between two tries.
      while (link.status.status !== "offline") world.clock.advance(1);
      nudge();
      world.clock.advance(2);
      expect(link.status.status).toBe("open");
    }
  });

  it("checks when the browser says that it is offline", () => {
    link.start();
    world.clock.advance(10);
    world.environment.tell("sleep");
    expect(sent().at(-1)).toEqual({ type: "ping" });
    world.clock.advance(5_000);
    expect(link.status.status).not.toBe("open");
  });
});
