// The link: one greeted WebSocket at a time, made again after every loss (rule W9). It knows no conversation. It takes any
// close for a loss, 1000 too: mobile browsers close cleanly when they go to the background. It takes silence for a loss
// as well, since a dead socket does not say so.
import type { Connection } from "./api";
import { afterGoaway, backoff, nextAttempt } from "./backoff";
import type { Cancel, Clock, Environment, SocketHandlers, SocketPort } from "./ports";
import { type ClientFrame, type Goaway, PROTOCOL, type ServerFrame, type Welcome } from "./protocol.gen";

/** From the first byte to `welcome`. */
const GREET_MS = 10_000;
/** A ping must be answered within this; sooner after the tab woke up, when the link is probably dead. */
const PONG_MS = 5_000;
const WAKE_PONG_MS = 2_500;
/** The server closes with this when the login is no longer valid. */
const CLOSE_LOGGED_OUT = 4401;

export interface LinkPorts {
  clock: Clock;
  random(): number;
  connect(handlers: SocketHandlers): SocketPort;
  environment: Environment;
  /** The token of hellos, if it is known from the beginning. */
  hello?: string;
}

export interface LinkHandlers {
  /** Greeted; frames may be sent now. */
  up(welcome: Welcome): void;
  /** What was sent and not answered may be lost. Follows each `up`. */
  down(): void;
  frame(frame: ServerFrame): void;
  /** The token is not of this login, or no more: fetch it again, and `greet`. */
  stale(): void;
  /** `status` has a new value. */
  changed(): void;
}

interface Live {
  socket: SocketPort;
  /** Whether it is open, and what it waits for is a hello. */
  silent: boolean;
  greeted: boolean;
  since: number;
  heartbeat: number;
  heard: number;
  /** A ping is out and must be answered by this. */
  pongBy: number | null;
}

export class Link {
  #status: Connection;
  #live: Live | null = null;
  #token: string | null;
  #attempt = 1;
  #downSince: number;
  #syncedAt: number | null = null;
  #goaway: Goaway | null = null;
  #timer: Cancel = () => {};
  #deaf: Cancel = () => {};

  /** `tab`: a random id of the tab, for the server's log. */
  constructor(
    private readonly ports: LinkPorts,
    private readonly handlers: LinkHandlers,
    private readonly tab: string,
  ) {
    this.#token = ports.hello ?? null;
    this.#downSince = ports.clock.now();
    this.#status = {
      status: "connecting",
      downSince: this.#downSince,
      attempt: 1,
      lastSyncedAt: null,
      turnAt: null,
    };
  }

  get status(): Connection {
    return this.#status;
  }

  start(): void {
    this.#deaf = this.ports.environment.on((what) => (what === "wake" ? this.#wake() : this.#check(PONG_MS)));
    this.#connect();
  }

  dispose(): void {
    this.#deaf();
    this.#timer();
    const live = this.#live;
    this.#live = null;
    live?.socket.close();
  }

  /** The token that hellos carry. A socket that waits for it says hello at once. */
  greet(token: string): void {
    this.#token = token;
    if (this.#live?.silent) this.#hello(this.#live);
  }

  /** Nothing happens when the link is down: whoever sends must send again after the next `up`. */
  send(frame: ClientFrame): void {
    if (this.#live?.greeted) this.#live.socket.send(JSON.stringify(frame));
  }

  /** Connect now, whatever the countdown says. */
  reconnect(): void {
    if (this.#status.status === "offline") this.#connect();
  }

  /** End for good: the login is gone, or is another user's. */
  giveUp(reason: "protocol" | "logged_out"): void {
    this.#goaway = { type: "goaway", after_ms: 0, reason };
    this.#lost(null);
  }

  #connect(): void {
    this.#timer();
    const now = this.ports.clock.now();
    this.#set({ status: "connecting", ...this.#outage(), turnAt: null });
    // Events of a socket that is no longer ours are not heard: it is known by identity, not by timing.
    const mine = (): boolean => this.#live === live;
    const live: Live = {
      socket: { send: () => {}, close: () => {} },
      silent: false,
      greeted: false,
      since: now,
      heartbeat: GREET_MS,
      heard: now,
      pongBy: null,
    };
    this.#live = live;
    live.socket = this.ports.connect({
      opened: () => {
        if (!mine()) return;
        live.silent = true;
        this.#hello(live);
      },
      received: (text) => {
        if (mine()) this.#received(live, text);
      },
      closed: (code) => {
        if (mine()) this.#lost(code);
      },
    });
    if (mine()) this.#watch(GREET_MS);
  }

  /** Say hello, unless its token is still to come. */
  #hello(live: Live): void {
    if (this.#token === null) return;
    const hello: ClientFrame = { type: "hello", protocol: PROTOCOL, tab: this.tab, token: this.#token };
    live.silent = false;
    live.socket.send(JSON.stringify(hello));
  }

  #received(live: Live, text: string): void {
    const frame = parse(text);
    if (frame === null) return;
    live.heard = this.ports.clock.now();
    live.pongBy = null;
    if (frame.type === "goaway") {
      this.#goaway = frame;
      if (frame.reason === "token") this.#token = null;
      this.#lost(null);
      if (frame.reason === "token") this.handlers.stale();
      return;
    }
    if (frame.type === "pong") return;
    if (frame.type === "wait" && !live.greeted) {
      // It goes on counting for us. Whoever began anew would stand at the end of the queue.
      this.#set({ status: "connecting", ...this.#outage(), turnAt: live.heard + frame.after_ms });
      this.#watch(GREET_MS);
      return;
    }
    if (frame.type !== "welcome") {
      if (live.greeted) this.handlers.frame(frame);
      return;
    }
    live.greeted = true;
    live.since = live.heard;
    live.heartbeat = Math.max(1_000, frame.heartbeat_ms);
    this.#goaway = null;
    this.#set({ status: "open" });
    this.#watch(live.heartbeat);
    this.handlers.up(frame);
  }

  /** Look after the link in `ms`: no welcome, no answer to a ping, or time for one. */
  #watch(ms: number): void {
    this.#timer();
    this.#timer = this.ports.clock.after(Math.max(0, ms), () => {
      const live = this.#live;
      if (live === null) return;
      const now = this.ports.clock.now();
      if (!live.greeted || (live.pongBy !== null && live.pongBy <= now)) this.#lost(null);
      else if (live.pongBy !== null) this.#watch(live.pongBy - now);
      else if (now - live.heard >= live.heartbeat * 1.5) this.#check(PONG_MS);
      else this.#watch(live.heard + live.heartbeat * 1.5 - now);
    });
  }

  /** Ask the server whether it is there. */
  #check(pong_ms: number): void {
    const live = this.#live;
    if (!live?.greeted) return;
    const by = this.ports.clock.now() + pong_ms;
    live.pongBy = live.pongBy === null ? by : Math.min(live.pongBy, by);
    this.send({ type: "ping" });
    this.#watch(live.pongBy - this.ports.clock.now());
  }

  #wake(): void {
    if (this.#status.status === "offline") this.#connect();
    else this.#check(WAKE_PONG_MS);
  }

  /** The link is gone; `code` null: it was we who gave it up. */
  #lost(code: number | null): void {
    this.#timer();
    const live = this.#live;
    this.#live = null;
    if (code === null) live?.socket.close();
    const now = this.ports.clock.now();
    if (live?.greeted) {
      this.#downSince = now;
      this.#syncedAt = live.heard;
    }
    const goaway = this.#goaway;
    this.#goaway = null;
    const reason = goaway?.reason ?? (code === CLOSE_LOGGED_OUT ? "logged_out" : null);
    if (reason === "protocol" || reason === "logged_out") this.#set({ status: "goaway", reason });
    else {
      const random = this.ports.random();
      this.#attempt = live?.greeted
        ? nextAttempt(this.#attempt, now - live.since)
        : this.#attempt + (live ? 1 : 0);
      const again = goaway === null || reason === "token";
      const wait = again ? backoff(this.#attempt, random) : afterGoaway(goaway.after_ms, random);
      const said = reason === "token" ? null : reason;
      this.#set({ status: "offline", ...this.#outage(), retryAt: now + wait, said });
      this.#timer = this.ports.clock.after(wait, () => this.#connect());
    }
    if (live?.greeted) this.handlers.down();
  }

  #outage(): { downSince: number; attempt: number; lastSyncedAt: number | null } {
    return { downSince: this.#downSince, attempt: this.#attempt, lastSyncedAt: this.#syncedAt };
  }

  #set(status: Connection): void {
    this.#status = status;
    this.handlers.changed();
  }
}

/** A frame, or null for what is none: a proxy's page, or a frame of a newer server. */
function parse(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === "object" && frame !== null && "type" in frame ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}
