// Bundles simulated clients for Node: `node scripts/clients.mjs <folder> [<name>]` writes <name>.js there, made of
// src/sync/testing/<name>.ts. Those of the chaos runs are `clients`, those of `make bench` are `returning`.
import { build } from "vite";

const [folder, name = "clients"] = process.argv.slice(2);
if (folder === undefined) throw new Error("Say where to: node scripts/clients.mjs <folder> [<name>]");
await build({
  configFile: false,
  root: new URL("..", import.meta.url).pathname,
  logLevel: "error",
  ssr: { noExternal: true, target: "node" },
  build: { ssr: `src/sync/testing/${name}.ts`, outDir: folder, emptyOutDir: false, minify: false },
});
