// Tabs that come back, for `make bench`: many engines in one Node process, each a person with one conversation open.
// bench/storm.py starts it with the address of a server. It is told what bench/sockets.py is told: a line of JSON for each
// tab and an empty one. It says "ready" when all are synced and "gone" when the server has gone, hears when that began to
// answer again (CLOCK_MONOTONIC, s), and says in the end how each came back.
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { type Client, createClient } from "../index";
import type { Ports, SocketHandlers, SocketPort } from "../ports";
import { nodePorts } from "./node";

interface Person {
  cookie: string;
  token: string;
  conversation: string;
}

const [server = "", patience = "90"] = process.argv.slice(2);
const GIVE_UP_MS = Number(patience) * 1000;
/** How many are opened at the same time in the beginning. */
const ROOM = 20;

/** Milliseconds of CLOCK_MONOTONIC, which the process that asks has as well. */
function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

class Tab {
  readonly client: Client;
  /** When it was synced again; null until then. */
  back: number | null = null;
  /** Sockets that were closed before they were greeted, once the server answered again. */
  refused = 0;
  /** When the server began to answer again. */
  since: number | null = null;

  constructor(private readonly person: Person) {
    this.client = createClient(this.#ports());
    this.client.start();
    this.client.open(person.conversation);
  }

  get synced(): boolean {
    return this.client.conversation(this.person.conversation).getSnapshot().synced;
  }

  #ports(): Ports {
    const { cookie, token } = this.person;
    return {
      ...nodePorts(() => server, cookie, { patience: 30_000 }),
      connect: (handlers) => this.#connect(handlers),
      hello: token,
    };
  }

  #connect(handlers: SocketHandlers): SocketPort {
    const tried = monotonic();
    const socket = new WebSocket(`${server.replace("http", "ws")}/ws`, {
      headers: { Cookie: this.person.cookie, Origin: new URL(server).origin },
      perMessageDeflate: false,
    });
    let over = false;
    let greeted = false;
    const closed = (code: number): void => {
      if (over) return;
      over = true;
      if (!greeted && this.since !== null && tried > this.since) this.refused += 1;
      handlers.closed(code);
    };
    socket.on("open", () => handlers.opened());
    socket.on("message", (data) => {
      const text = data.toString();
      greeted ||= text.includes('"welcome"');
      if (!over) handlers.received(text);
    });
    socket.on("close", (code) => closed(code));
    socket.on("error", () => closed(1006));
    return { send: (text) => socket.send(text), close: () => socket.terminate() };
  }
}

function said(line: unknown): void {
  process.stdout.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
}

async function until(holds: () => boolean, ms: number): Promise<boolean> {
  const end = monotonic() + ms;
  while (!holds()) {
    if (monotonic() > end) return false;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return true;
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value ?? "";
  const people: Person[] = [];
  for (let line = await next(); line !== ""; line = await next()) people.push(JSON.parse(line) as Person);

  const tabs: Tab[] = [];
  for (let first = 0; first < people.length; first += ROOM) {
    const some = people.slice(first, first + ROOM).map((person) => new Tab(person));
    if (!(await until(() => some.every((tab) => tab.synced), 60_000)))
      throw new Error("Not synced in a minute.");
    tabs.push(...some);
  }
  said("ready");
  await until(() => tabs.every((tab) => !tab.synced), 60_000);
  said("gone");
  const since = Number(await next()) * 1000;
  for (const tab of tabs) tab.since = since;
  await until(() => {
    for (const tab of tabs) if (tab.back === null && tab.synced) tab.back = (monotonic() - since) / 1000;
    return tabs.every((tab) => tab.back !== null);
  }, GIVE_UP_MS);
  said(tabs.map((tab) => [tab.back, tab.refused]));
  await next();
  process.exit(0);
}

await main();
