// src/sync as a package of its own: packed, put into an empty folder, and used there as somebody else would.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROTOCOL } from "./protocol.gen";

const FRONTEND = resolve(import.meta.dirname, "..", "..");
const SLOW_MS = 120_000;

/** A stranger's program: a client on ports that it made itself, and what it has to say of the types. */
const USER = `
import { createClient, type ConversationView, HttpError, type Ports, PROTOCOL } from "holdfast-sync";
import { browserPorts } from "holdfast-sync/browser";

let hello = "";
const kept = new Map<string, string>();
const ports: Ports = {
  clock: { now: () => Date.now(), after: () => () => {} },
  random: () => 0.5,
  bytes: (count) => new Uint8Array(count),
  connect: (handlers) => {
    queueMicrotask(() => handlers.opened());
    return { send: (text) => { hello ||= text; }, close: () => {} };
  },
  fetch: async () => ({ status: 200, text: '{"user": "ada", "agents": [], "hello_token": "t"}' }),
  upload: () => ({ answer: Promise.reject(new Error("none")), abort: () => {} }),
  storage: {
    keys: (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
    get: (key) => kept.get(key) ?? null,
    set: (key, value) => void kept.set(key, value),
    remove: (key) => void kept.delete(key),
    onForeign: () => () => {},
  },
  environment: { visible: () => true, online: () => true, on: () => () => {} },
  frame: (run) => { run(); return () => {}; },
};
const client = createClient(ports);
client.start();
const view: ConversationView = client.conversation("c").getSnapshot();
await new Promise((resolve) => setTimeout(resolve, 10));
console.log(JSON.stringify({
  hello: JSON.parse(hello), protocol: PROTOCOL, phase: view.phase, draft: client.drafts.get(null).text,
  kinds: [typeof browserPorts, typeof HttpError],
}));
client.dispose();
`;

let folder: string;
let installed: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-sync-"));
  const made = join(folder, "made");
  const script = join(FRONTEND, "scripts", "sync_package.mjs");
  // Not the mode of the tests, which would be built into the package.
  const env = { ...process.env, NODE_ENV: "production", VITEST: "" };
  const packed = execFileSync("node", [script, made], { encoding: "utf8", env }).trim();
  installed = join(folder, "node_modules", "holdfast-sync");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(made, packed), "-C", installed, "--strip-components=1"]);
}, SLOW_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("it needs nothing but itself", () => {
  const names = readdirSync(join(installed, "dist"));
  for (const name of names) {
    const text = readFileSync(join(installed, "dist", name), "utf8");
    const imports = [...text.matchAll(/(?:from\s*|import\s*\(?\s*)"([^"]+)"/g)].map(([, path]) => path ?? "");
    for (const path of imports) expect(names).toContain(path.replace(/^\.\//, "").replace(/\.js$/, ".d.ts"));
  }
  const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(dependencies).toBeUndefined();
  expect(readdirSync(installed)).toContain("LICENSE");
});

test("the public linter of packages finds nothing", async () => {
  const { messages } = await publint({ pkgDir: installed, strict: true, pack: false });
  expect(messages).toEqual([]);
});

test(
  "a stranger's program is typed by it and runs with it",
  () => {
    writeFileSync(join(folder, "package.json"), '{"type": "module"}');
    writeFileSync(join(folder, "user.ts"), USER);
    const tsc = join(FRONTEND, "node_modules", ".bin", "tsc");
    const options =
      "--strict --module nodenext --target es2022 --lib es2023,dom --exactOptionalPropertyTypes";
    execFileSync(tsc, [...options.split(" "), "--types", "", "user.ts"], { cwd: folder, stdio: "pipe" });
    const said = JSON.parse(execFileSync("node", ["user.js"], { cwd: folder, encoding: "utf8" }));
    expect(said).toMatchObject({
      hello: { type: "hello", protocol: PROTOCOL, token: "t" },
      protocol: PROTOCOL,
      phase: "opening",
      draft: "",
      kinds: ["function", "function"],
    });
  },
  SLOW_MS,
);
