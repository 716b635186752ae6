import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** What is smaller (bytes) fits into one packet either way. */
const MIN_BYTES = 1_000;
/** Formats that are not compressed yet. */
const TEXT = /\.(js|css|svg|json|html)$/;

/**
 * After a build: a `.br` and a `.gz` beside each file, which WhiteNoise hands to browsers that take them. They are made
 * once here, so nothing is compressed while somebody waits, and every way to build has them: make run, the image, the wheel.
 */
export function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved: (config) => {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        // The manifest is read by the server and asked for by nobody.
        if (!TEXT.test(name) || name.startsWith(".vite")) continue;
        const path = join(folder, name);
        const data = readFileSync(path);
        if (data.length < MIN_BYTES) continue;
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
        writeFileSync(`${path}.br`, brotliCompressSync(data, { params }));
        writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
      }
    },
  };
}
