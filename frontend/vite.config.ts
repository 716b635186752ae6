import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./precompress.ts";

// Where `npm run dev` finds Django. The built files need no such thing: Django serves them itself.
const django = "http://127.0.0.1:8000";

// HTML in an answer is shown as text; without its parser the page is 40 kB lighter. The other merges classes of elements
// that we do not use. The first makes markup of text by a policy of Trusted Types.
export const alias = {
  "decode-named-character-reference": fileURLToPath(new URL("src/ui/entities.ts", import.meta.url)),
  "rehype-raw": fileURLToPath(new URL("src/ui/noRawHtml.ts", import.meta.url)),
  "tailwind-merge": fileURLToPath(new URL("src/ui/joinClasses.ts", import.meta.url)),
};

export default defineConfig({
  // Files name each other by their place: Django serves them below whatever path HOLDFAST_PATH says.
  base: "./",
  plugins: [react(), tailwindcss(), precompress()],
  resolve: { alias },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // dist/.vite/manifest.json, key `src/main.tsx`: the Django page looks up the hashed names there.
    manifest: true,
    // A strict CSP allows neither inline scripts nor data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // The typeface by itself is for the pages that Django renders (login).
    rolldownOptions: {
      input: ["src/main.tsx", "src/ui/styles/fonts.css"],
      // A file of its own for what stays the same from release to release: browsers keep it.
      output: {
        codeSplitting: {
          groups: [
            {
              name: "react",
              test: /node_modules\/(react|react-dom|scheduler|lucide-react\/dist\/esm(?!\/icons))\//,
            },
          ],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": django, "/ws": { target: django, ws: true } },
  },
  test: {
    // Two cores may be shared with much else; a test that hangs still ends.
    testTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: { name: "sync", environment: "node", include: ["src/sync/**/*.test.ts"] },
      },
      {
        extends: true,
        test: {
          name: "ui",
          environment: "happy-dom",
          include: ["src/ui/**/*.test.{ts,tsx}"],
          setupFiles: ["src/ui/i18n/all.ts"],
        },
      },
    ],
  },
});
