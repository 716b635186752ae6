// Bundles the simulated clients of the chaos runs for Node: `node scripts/clients.mjs <folder>` writes clients.js there.
import { build } from "vite";

const folder = process.argv[2];
if (folder === undefined) throw new Error("Say where to: node scripts/clients.mjs <folder>");
await build({
  configFile: false,
  root: new URL("..", import.meta.url).pathname,
  logLevel: "error",
  ssr: { noExternal: true, target: "node" },
  build: { ssr: "src/sync/testing/clients.ts", outDir: folder, emptyOutDir: false, minify: false },
});
