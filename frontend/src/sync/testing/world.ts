// A world for the engine without a browser: time that is moved by hand, a socket pair whose frames are delivered by hand,
// a storage that several tabs share.
import type { Cancel, Clock, Environment, HttpAnswer, Ports, SocketHandlers, Storage } from "../ports";

/** Time that moves only with `advance`; what is due runs in order, at its own time. */
export class FakeClock implements Clock {
  #now = 1_790_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#now + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (let guard = 0; ; guard++) {
      if (guard > 200_000) throw new Error("timers set each other without end");
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
  }

  /** The machine slept: time has passed, and no timer has run yet. */
  sleep(ms: number): void {
    this.#now += ms;
  }
}

/** What one browser keeps, shared by its tabs. */
export class FakeBrowser {
  readonly data = new Map<string, string>();
  room = Number.POSITIVE_INFINITY;
  #tabs = new Map<object, (key: string, value: string | null) => void>();

  storage(): Storage {
    const tab = {};
    const tell = (key: string, value: string | null): void => {
      for (const [other, heard] of this.#tabs) if (other !== tab) heard(key, value);
    };
    return {
      keys: (prefix) => [...this.data.keys()].filter((key) => key.startsWith(prefix)),
      get: (key) => this.data.get(key) ?? null,
      set: (key, value) => {
        if (this.data.size >= this.room && !this.data.has(key)) throw new Error("quota");
        this.data.set(key, value);
        tell(key, value);
      },
      remove: (key) => {
        if (this.data.delete(key)) tell(key, null);
      },
      onForeign: (heard) => {
        this.#tabs.set(tab, heard);
        return () => this.#tabs.delete(tab);
      },
    };
  }
}

export class FakeEnvironment implements Environment {
  #heard: ((what: "wake" | "sleep") => void)[] = [];
  visible(): boolean {
    return true;
  }
  online(): boolean {
    return true;
  }
  on(heard: (what: "wake" | "sleep") => void): Cancel {
    this.#heard.push(heard);
    return () => {
      this.#heard = this.#heard.filter((other) => other !== heard);
    };
  }
  tell(what: "wake" | "sleep"): void {
    for (const heard of this.#heard) heard(what);
  }
}

/** The other end of a socket, as a server sees it. */
export interface Peer {
  received(text: string): void;
  closed(): void;
}

/** One socket. Frames to the client wait until they are delivered, so that a test can lose or reorder them. */
export class FakeSocket {
  queue: string[] = [];
  state: "connecting" | "open" | "closed" = "connecting";
  sent: string[] = [];
  #peer: Peer | null = null;

  constructor(private readonly handlers: SocketHandlers) {}

  open(peer: Peer): void {
    this.#peer = peer;
    this.state = "open";
    this.handlers.opened();
  }

  /** The client sends. */
  send(text: string): void {
    if (this.state !== "open") return;
    this.sent.push(text);
    this.#peer?.received(text);
  }

  /** The client closes. */
  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#peer?.closed();
  }

  /** The link breaks, or the server closes. */
  cut(code = 1006): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#peer?.closed();
    this.handlers.closed(code);
  }

  deliver(count = Number.POSITIVE_INFINITY): void {
    for (let n = 0; n < count && this.state === "open"; n++) {
      const text = this.queue.shift();
      if (text === undefined) return;
      this.handlers.received(text);
    }
  }
}

export interface World {
  clock: FakeClock;
  browser: FakeBrowser;
  environment: FakeEnvironment;
  /** Every socket that the tab made, the latest last. */
  sockets: FakeSocket[];
  /** Whether a new socket finds a server; what it does then. */
  answer: (socket: FakeSocket) => void;
  http: (path: string) => HttpAnswer | null;
  /** Milliseconds that an answer over HTTP takes. */
  latency: number;
  ports: Ports;
}

/** A tab of `browser`. Random numbers are the same in each run. */
export function makeWorld(clock = new FakeClock(), browser = new FakeBrowser(), seed = 1): World {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const world: World = {
    clock,
    browser,
    environment: new FakeEnvironment(),
    sockets: [],
    answer: () => {},
    http: () => null,
    latency: 0,
    ports: {
      clock,
      random,
      bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
      hello: "token",
      connect: (handlers) => {
        const socket = new FakeSocket(handlers);
        world.sockets.push(socket);
        clock.after(1, () => {
          if (socket.state === "connecting") world.answer(socket);
        });
        return socket;
      },
      fetch: async (_method, path) => {
        const answer = world.http(path);
        if (world.latency > 0) await new Promise<void>((resolve) => clock.after(world.latency, resolve));
        if (answer === null) throw new Error("no answer");
        return answer;
      },
      upload: (path, _headers, fields, file, progress) => {
        const arrived = async (): Promise<HttpAnswer> => {
          progress(0.5);
          const answer = world.http(`${path}?${fields.id}&${file.name}`);
          if (world.latency > 0) await new Promise<void>((resolve) => clock.after(world.latency, resolve));
          if (answer === null) throw new Error("no answer");
          return answer;
        };
        return { answer: arrived(), abort: () => {} };
      },
      storage: browser.storage(),
      environment: new FakeEnvironment(),
      frame: (run) => clock.after(16, run),
    },
  };
  world.ports.environment = world.environment;
  return world;
}
