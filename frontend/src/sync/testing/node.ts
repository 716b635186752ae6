// The ports of an engine in Node that are the same for all simulated clients: a storage of its own, timers, HTTP.
import type { Clock, HttpAnswer, Ports, Storage } from "../ports";

function memory(): Storage {
  const kept = new Map<string, string>();
  return {
    keys: (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    remove: (key) => void kept.delete(key),
    onForeign: () => () => {},
  };
}

const after: Clock["after"] = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** All but the socket. `server` says where to ask now, `skew` by how many ms the clock is wrong, and an answer that does
 * not come within `patience` ms rejects. */
export function nodePorts(
  server: () => string,
  cookie: string,
  { random = Math.random, skew = 0, patience = 10_000 } = {},
): Omit<Ports, "connect" | "hello"> {
  return {
    clock: { now: () => Date.now() + skew, after },
    random,
    bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    fetch: async (method, path, headers, body): Promise<HttpAnswer> => {
      const answer = await fetch(server() + path, {
        method,
        headers: { ...headers, Cookie: cookie },
        body: body ?? null,
        redirect: "manual",
        signal: AbortSignal.timeout(patience),
      });
      return { status: answer.status, text: await answer.text() };
    },
    // These clients talk; they attach nothing.
    upload: () => ({ answer: Promise.reject(new Error("no uploads here")), abort: () => {} }),
    storage: memory(),
    environment: { visible: () => true, online: () => true, on: () => () => {} },
    frame: (run) => after(16, run),
  };
}
