// What the sync core needs of the world. `browser.ts` gives the real thing, the tests give fakes behind the same contract.
import type { LocalFile } from "./files";

/** Undoes what returned it; calling it twice does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the Unix epoch, by the clock of this machine, which may be wrong by hours. Never goes back. */
  now(): number;
  /** Calls `run` once after `ms`. */
  after(ms: number, run: () => void): Cancel;
}

/** One WebSocket. After `closed` has been heard nothing else is heard of it. */
export interface SocketPort {
  send(text: string): void;
  close(): void;
}

export interface SocketHandlers {
  opened(): void;
  received(text: string): void;
  /** The link is gone, whatever the code: 1000 too, which mobile browsers send when they go to the background. */
  closed(code: number): void;
}

/** A string store shared by the tabs of one browser (localStorage). Used for the outbox and for drafts, and for nothing else. */
export interface Storage {
  keys(prefix: string): string[];
  get(key: string): string | null;
  /** Throws when there is no room. */
  set(key: string, value: string): void;
  remove(key: string): void;
  /** Hears of keys that *another* tab changed; `value` is null when it was removed. */
  onForeign(heard: (key: string, value: string | null) => void): Cancel;
}

/** What the tab knows of itself. */
export interface Environment {
  visible(): boolean;
  /** False only when the browser is sure that there is no network. */
  online(): boolean;
  /** `wake`: visible again, back from the page cache, or online again. `sleep`: offline or hidden. */
  on(heard: (what: "wake" | "sleep") => void): Cancel;
}

export interface HttpAnswer {
  status: number;
  /** The body as text; an answer from a proxy need not be JSON. */
  text: string;
}

export interface Ports {
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** `count` random bytes that nobody can guess. */
  bytes(count: number): Uint8Array;
  connect(handlers: SocketHandlers): SocketPort;
  /** The token of the socket's hello, if the page came with one; otherwise the boot data bring it. */
  hello?: string;
  /** Rejects when no answer came. */
  fetch(method: string, path: string, headers: Record<string, string>, body?: string): Promise<HttpAnswer>;
  /** POST a form with a file; the answer rejects when none came, or after `abort`. */
  upload(
    path: string,
    headers: Record<string, string>,
    fields: Record<string, string>,
    file: LocalFile,
    progress: (fraction: number) => void,
  ): { answer: Promise<HttpAnswer>; abort: Cancel };
  storage: Storage;
  environment: Environment;
  /** Calls `run` before the next paint, or soon when the tab is hidden. */
  frame(run: () => void): Cancel;
}
