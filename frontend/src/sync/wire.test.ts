// The link on real sockets and the real clock: the server closes cleanly, as a mobile browser or a proxy does.
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { SocketHandlers, SocketPort } from "./ports";
import { PROTOCOL } from "./protocol.gen";
import { Link } from "./socket";
import { FakeEnvironment } from "./testing/world";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
afterEach(() => server.close());

function connect(handlers: SocketHandlers): SocketPort {
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  socket.on("open", () => handlers.opened());
  socket.on("message", (data) => handlers.received(String(data)));
  socket.on("close", (code) => handlers.closed(code));
  socket.on("error", () => {});
  return { send: (text) => socket.send(text), close: () => socket.close() };
}

it("W9 a clean close (1000) is a loss like any other", async () => {
  let greeted = 0;
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      expect(JSON.parse(String(data))).toMatchObject({ type: "hello", protocol: PROTOCOL, token: "t" });
      socket.send(
        JSON.stringify({ type: "welcome", protocol: PROTOCOL, user: "ada", now: 0, heartbeat_ms: 10_000 }),
      );
      if (++greeted === 1) socket.close(1000);
    });
  });
  const clock = {
    now: () => Date.now(),
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  };
  const heard = { up: vi.fn(), down: vi.fn(), frame: vi.fn(), stale: vi.fn(), changed: vi.fn() };
  const ports = { clock, random: () => 0.5, connect, environment: new FakeEnvironment(), hello: "t" };
  const link = new Link(ports, heard, "tab");
  link.start();
  await vi.waitFor(() => expect(heard.up).toHaveBeenCalledTimes(2), { timeout: 5_000 });
  expect(heard.down).toHaveBeenCalledTimes(1);
  expect(link.status).toEqual({ status: "open" });
  link.dispose();
});
