// KaTeX, in a chunk of its own that is loaded with the first formula. It gives MathML and nothing else: browsers draw
// that themselves and read it out, and it needs neither fonts nor the inline styles that our CSP refuses.
import katex from "katex";

/** The MathML of a formula, or null if it is none that KaTeX knows. `trust` is off: no links, no foreign markup. */
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
    return html.replaceAll(/ style="/g, ' data-style="');
  } catch {
    return null;
  }
}
