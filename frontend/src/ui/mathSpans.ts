// Where a text holds mathematics. It is put into code spans before Markdown reads it, whose rules would take its
// backslashes, underscores and stars for their own; `Markdown.tsx` draws these spans as mathematics.

/** Begins a span of mathematics; the second one stands on a line of its own. Private use: no text means them. */
export const INLINE = "\ue0f0";
export const DISPLAY = "\ue0f1";

/** Longer is none: an opening without its end would search all the rest. */
const MAX_TEX = 4_000;

const FENCE = /^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})/;

// In this order: code, which is left alone; what is escaped; the four ways to write mathematics. A dollar opens only
// before something, and closes only behind something and not before a digit, as Pandoc has it: `$5 and $10` is money.
const SPAN = new RegExp(
  [
    String.raw`(?<code>(?<ticks>\`+)(?!\`)[\s\S]*?[^\`]\k<ticks>(?!\`))`,
    String.raw`(?<escaped>\\[\\$])`,
    String.raw`\\\[(?<bracket>[\s\S]{1,${MAX_TEX}}?)\\\]`,
    String.raw`\\\((?<paren>[^\n]{1,${MAX_TEX}}?(?:\n[^\n]+?)*?)\\\)`,
    String.raw`\$\$(?<dollars>[^$][\s\S]{0,${MAX_TEX}}?)\$\$`,
    String.raw`(?<![\w$])\$(?<dollar>(?![\s$])(?:\\.|[^$\n\\]){0,${MAX_TEX}}?(?:\\.|[^$\s\\]))\$(?![\d$])`,
  ].join("|"),
  "g",
);

/** Markdown whose mathematics stands in code spans, each behind its mark. */
export function withMathSpans(text: string): string {
  if (!text.includes("$") && !text.includes("\\(") && !text.includes("\\[")) return text;
  return proseAndCode(text)
    .map(({ code, lines }) => (code ? lines : lines.replace(SPAN, inSpan)))
    .join("");
}

function inSpan(whole: string, ...rest: unknown[]): string {
  const groups = rest.at(-1) as Record<string, string | undefined>;
  const display = groups.bracket ?? groups.dollars;
  const tex = display ?? groups.paren ?? groups.dollar;
  if (tex === undefined || tex.trim() === "") return whole;
  // One line: an empty one would end the paragraph, and the span with it. TeX takes a line's end for a space.
  const line = tex.replace(/\s*\n[ \t>]*/g, " ").trim();
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${display === undefined ? INLINE : DISPLAY}${line} ${ticks}`;
}

/** The text in pieces of whole lines: blocks of code, and what is between them. */
function proseAndCode(text: string): { code: boolean; lines: string }[] {
  const pieces: { code: boolean; lines: string }[] = [];
  let fence = "";
  for (const line of text.split(/(?<=\n)/)) {
    const mark = FENCE.exec(line)?.[1] ?? "";
    const opens = fence === "" && mark !== "";
    const closes = fence !== "" && mark.startsWith(fence) && line.trim().replace(/^[>\s]*/, "") === mark;
    const code = fence !== "" || opens;
    const last = pieces.at(-1);
    if (last?.code === code && !opens) last.lines += line;
    else pieces.push({ code, lines: line });
    if (opens) fence = mark;
    else if (closes) fence = "";
  }
  return pieces;
}
