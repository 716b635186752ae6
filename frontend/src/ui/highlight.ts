// The colours of code, in a chunk of its own that is loaded with the first code block. A short list of languages: each
// one costs bytes, and what is not in it is shown plain. The result is a tree of classes: no HTML, no inline style.
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

/** Longer code is shown plain: the time grows with its length, and it is coloured again while it streams. */
export const MAX_CODE = 20_000;

/** A piece of code: text, or pieces with the classes of their meaning. */
export type Piece = string | { className: string; pieces: Piece[] };

const low = createLowlight({
  bash,
  c,
  cpp,
  css,
  diff,
  go,
  ini,
  java,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
});

interface Node {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: Node[];
}

function pieceOf(node: Node): Piece {
  if (node.type === "text") return node.value ?? "";
  const names = node.properties?.className;
  const className = Array.isArray(names) ? names.join(" ") : "";
  return { className, pieces: (node.children ?? []).map(pieceOf) };
}

/** The pieces of `code`, or null when the language is not known or the code is too long. */
export function highlight(code: string, language: string): Piece[] | null {
  if (code.length > MAX_CODE || !low.registered(language)) return null;
  return (low.highlight(language, code).children as Node[]).map(pieceOf);
}
