// Writes src/sync/protocol.gen.ts from the Python schema; with --check, fails when the file is not what it would write.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const target = join(root, "frontend", "src", "sync", "protocol.gen.ts");
const venv = join(root, ".venv", "bin", "python");
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : "python3");

const printed = execFileSync(python, [join(root, "scripts", "protocol_schema.py")], { encoding: "utf8" });
const { schema, constants } = JSON.parse(printed);
const types = await compile(schema, "Wire", {
  additionalProperties: false,
  // A list of at most five would become a union of five tuples.
  ignoreMinAndMaxItems: true,
  unreachableDefinitions: true,
  bannerComment:
    "// Generated from chat/entrances/web/protocol.py, agents/events and agents/lifecycle.py by `npm run protocol`. Do not edit.",
  style: { printWidth: 110 },
});
const values = Object.entries(constants).map(([name, value]) =>
  typeof value === "object"
    ? `export const ${name} = ${JSON.stringify(value, null, 2)} as const;`
    : `export const ${name} = ${value};`,
);
// The library says of each type where in the schema it stood; the name says that already.
const where =
  ' \\* This interface was referenced by `Wire`\'s JSON-Schema\\n \\* via the `definition` "\\w+"\\.\\n';
const bare = types
  .replace(new RegExp(`/\\*\\*\\n${where} \\*/\\n`, "g"), "")
  .replace(new RegExp(` \\*\\n${where}`, "g"), "");
execFileSync(python, [join(root, "scripts", "lifecycle_docs.py"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
const text = `${bare}\n${values.join("\n")}\n`;

if (process.argv.includes("--check")) {
  const current = existsSync(target) ? readFileSync(target, "utf8") : "";
  if (current !== text) {
    console.error(
      "frontend/src/sync/protocol.gen.ts does not match the Python schema: run `npm run protocol`.",
    );
    process.exit(1);
  }
  console.log("protocol.gen.ts matches the Python schema.");
} else {
  writeFileSync(target, text);
  console.log(`wrote ${target.slice(root.length + 1)}`);
}
