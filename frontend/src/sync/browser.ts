// The ports of a real browser: the only file of the engine that knows the DOM.
import type { Cancel, HttpAnswer, Ports, SocketHandlers, SocketPort, Storage } from "./ports";

/** A tab that is hidden, or that the browser does not paint, is told after this many ms. */
const UNPAINTED_MS = 100;

/** A file that has not arrived within this is tried again. */
const UPLOAD_MS = 300_000;

/**
 * The engine's view of this page. `path`: where the WebSocket is; `prefix`: how all addresses begin, "/chat"; `hello`: the
 * token of the socket's hello, if the page has it ("": it has not).
 */
export function browserPorts(path = "/ws", prefix = "", hello = ""): Ports {
  return {
    ...(hello === "" ? {} : { hello }),
    clock: { now: steady(), after },
    random: () => Math.random(),
    bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    connect: (handlers) => connect(`${prefix}${path}`, handlers),
    fetch: (method, address, ...rest) => request(method, `${prefix}${address}`, ...rest),
    upload: (address, ...rest) => upload(`${prefix}${address}`, ...rest),
    storage: storage(),
    environment: {
      visible: () => document.visibilityState === "visible",
      online: () => navigator.onLine,
      on: listen,
    },
    frame,
  };
}

/**
 * The time of this machine, but never going back: a clock that is set back by hours while the page is open (a laptop that
 * wakes up wrong, and is then corrected) would put off every deadline of ours by as much. Leaps ahead are taken as they
 * come; after sleep that is the only sign of it.
 */
function steady(): () => number {
  let told = Date.now();
  let since = performance.now();
  return () => {
    const passed = performance.now() - since;
    told = Math.max(Date.now(), told + passed);
    since += passed;
    return told;
  };
}

function after(ms: number, run: () => void): Cancel {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function connect(path: string, handlers: SocketHandlers): SocketPort {
  const { protocol, host } = window.location;
  const socket = new WebSocket(`${protocol === "https:" ? "wss" : "ws"}://${host}${path}`);
  socket.onopen = () => handlers.opened();
  socket.onmessage = (event) => {
    if (typeof event.data === "string") handlers.received(event.data);
  };
  socket.onclose = (event) => handlers.closed(event.code);
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(),
  };
}

async function request(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): ReturnType<Ports["fetch"]> {
  // The server says what is wrong in the language of the page, which the reader may have chosen against the browser's.
  const language = document.documentElement.lang;
  const answer = await fetch(path, {
    method,
    headers: language ? { "Accept-Language": language, ...headers } : headers,
    body: body ?? null,
    credentials: "same-origin",
    cache: "no-store",
    // A redirect is Django sending a stranger to the login; following it would give us a page of HTML.
    redirect: "manual",
  });
  return { status: answer.status, text: await answer.text() };
}

/** XMLHttpRequest, because `fetch` does not say how much of a body has left. */
function upload(
  ...[path, headers, fields, file, progress]: Parameters<Ports["upload"]>
): ReturnType<Ports["upload"]> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file as File, file.name);
  const sending = new XMLHttpRequest();
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    sending.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    sending.onload = () => resolve({ status: sending.status, text: sending.responseText });
    sending.onerror = sending.onabort = sending.ontimeout = () => reject(new Error("no answer"));
    sending.open("POST", path);
    sending.timeout = UPLOAD_MS;
    for (const [name, value] of Object.entries(headers)) sending.setRequestHeader(name, value);
    sending.send(form);
  });
  return { answer, abort: () => sending.abort() };
}

function listen(heard: (what: "wake" | "sleep") => void): Cancel {
  const wake = (): void => heard("wake");
  const sleep = (): void => heard("sleep");
  const visibility = (): void => {
    if (document.visibilityState === "visible") wake();
  };
  const shown = (event: PageTransitionEvent): void => {
    if (event.persisted) wake();
  };
  document.addEventListener("visibilitychange", visibility);
  window.addEventListener("pageshow", shown);
  window.addEventListener("online", wake);
  window.addEventListener("offline", sleep);
  return () => {
    document.removeEventListener("visibilitychange", visibility);
    window.removeEventListener("pageshow", shown);
    window.removeEventListener("online", wake);
    window.removeEventListener("offline", sleep);
  };
}

/** Whichever comes first: hidden tabs get no animation frames, and a tab may be hidden after it asked for one. */
function frame(run: () => void): Cancel {
  let done = false;
  const once = (): void => {
    cancel();
    run();
  };
  const paint = requestAnimationFrame(once);
  const timer = setTimeout(once, UNPAINTED_MS);
  const cancel = (): void => {
    if (done) return;
    done = true;
    cancelAnimationFrame(paint);
    clearTimeout(timer);
  };
  return cancel;
}

/** localStorage, or, where the browser forbids it, a memory that lasts as long as the tab. */
function storage(): Storage {
  const place = permitted();
  return {
    keys: (prefix) => place.keys().filter((key) => key.startsWith(prefix)),
    get: (key) => place.get(key),
    set: (key, value) => place.set(key, value),
    remove: (key) => place.remove(key),
    onForeign: (heard) => {
      const changed = (event: StorageEvent): void => {
        if (event.key !== null && event.storageArea === place.area) heard(event.key, event.newValue);
      };
      window.addEventListener("storage", changed);
      return () => window.removeEventListener("storage", changed);
    },
  };
}

interface Place {
  /** What the browser names in its `storage` events. */
  area: unknown;
  keys(): string[];
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
}

function permitted(): Place {
  try {
    const area = window.localStorage;
    area.getItem("holdfast.probe");
    return {
      area,
      keys: () => Array.from({ length: area.length }, (_, index) => area.key(index) ?? ""),
      get: (key) => area.getItem(key),
      set: (key, value) => area.setItem(key, value),
      remove: (key) => area.removeItem(key),
    };
  } catch {
    const memory = new Map<string, string>();
    return {
      area: memory,
      keys: () => [...memory.keys()],
      get: (key) => memory.get(key) ?? null,
      set: (key, value) => void memory.set(key, value),
      remove: (key) => void memory.delete(key),
    };
  }
}
