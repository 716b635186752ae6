/**
 * Stands in for `rehype-raw` in the build (see `resolve.alias` in vite.config.ts). HTML in an answer is shown as text,
 * never parsed, so the HTML parser that streamdown imports for its defaults (138 kB) would be dead weight.
 */
export default function noRawHtml(): () => void {
  return () => {};
}
