// KaTeX, in a chunk of its own that is loaded with the first formula. It gives MathML and nothing else: browsers draw
// that themselves and read it out, and it needs neither fonts nor the inline styles that our CSP refuses.
import katex from "katex";
import { htmlPolicy } from "./trusted";

/** What KaTeX writes: these elements, with attributes that neither load nor run anything. */
const ELEMENTS =
  "annotation|math|menclose|merror|mfrac|mi|mlabeledtr|mn|mo|mover|mpadded|mphantom|mroot|mrow|ms|mspace|msqrt|mstyle|" +
  "msub|msubsup|msup|mtable|mtd|mtext|mtr|munder|munderover|semantics|span";
const TAG = new RegExp(`</?(?:${ELEMENTS})(?: (?!on|style|href|src)[a-z-]+ ?="[^"<>]*")*/?>`, "g");

const markup = htmlPolicy("holdfast-math", (text) => !/[<>]/.test(text.replaceAll(TAG, "")));

/**
 * The MathML of a formula, for `innerHTML` alone, or null if it is none that KaTeX knows. `trust` is off: no links, no
 * foreign markup; and the policy refuses what is not MathML.
 */
export function mathml(tex: string, display: boolean): string | null {
  try {
    const html = katex.renderToString(tex, {
      output: "mathml",
      displayMode: display,
      throwOnError: true,
      trust: false,
      strict: "ignore",
      maxExpand: 200,
      maxSize: 20,
    });
    // A style attribute in parsed markup is what the CSP refuses; `MathSpan` sets it by script instead.
    return markup(html.replaceAll(/ style="/g, ' data-style="'));
  } catch {
    return null;
  }
}
