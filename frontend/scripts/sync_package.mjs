// Makes the package of src/sync: `node scripts/sync_package.mjs <folder>` (npm run package) writes there what `npm pack`
// wants, two modules for any runtime and their types, and packs it.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const [to] = process.argv.slice(2);
if (to === undefined) throw new Error("Say where to: node scripts/sync_package.mjs <folder>");
const folder = resolve(to);
const dist = join(folder, "dist");
const root = fileURLToPath(new URL("..", import.meta.url));
const sync = join(root, "src", "sync");

mkdirSync(folder, { recursive: true });
// Within the project its entries are the sources; published they are what is built here.
const { publishConfig, ...manifest } = JSON.parse(readFileSync(join(sync, "package.json"), "utf8"));
writeFileSync(
  join(folder, "package.json"),
  `${JSON.stringify({ ...manifest, ...publishConfig }, null, 2)}\n`,
);
copyFileSync(join(sync, "README.md"), join(folder, "README.md"));
copyFileSync(join(root, "..", "LICENSE"), join(folder, "LICENSE"));
await build({
  configFile: false,
  root,
  logLevel: "error",
  build: {
    outDir: dist,
    emptyOutDir: true,
    target: "es2022",
    minify: false,
    lib: { entry: { index: join(sync, "index.ts"), browser: join(sync, "browser.ts") }, formats: ["es"] },
  },
});
const tsc = join(root, "node_modules", ".bin", "tsc");
execFileSync(tsc, ["-p", join(root, "tsconfig.package.json"), "--outDir", dist], { stdio: "inherit" });
// Node finds a module by its whole name only; in our sources the bundler adds the ending.
for (const name of readdirSync(dist).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(join(dist, name), "utf8");
  writeFileSync(join(dist, name), text.replace(/(from\s+|import\()"(\.\/[^"]+)"/g, '$1"$2.js"'));
}
console.log(execFileSync("npm", ["pack", "--silent"], { cwd: folder, encoding: "utf8" }).trim());
