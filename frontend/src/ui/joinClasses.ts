/**
 * Stands in for `tailwind-merge` in the build (see `resolve.alias` in vite.config.ts). Streamdown merges the classes of
 * its own elements with it; all elements that we show are ours, so its tables (25 kB) would be dead weight.
 */
export function twMerge(...names: unknown[]): string {
  return names.flat().filter(Boolean).join(" ");
}
