/*
 * How a tool's result looks: what a renderer is given, and what it may give back. This is the interface for packages of
 * others (docs/renderers.md): a renderer is an ES module that the page loads from its own origin. It returns plain
 * data, never HTML or elements: so it cannot break the page, fits every theme, and is read out by screen readers.
 */

/** Grows when a renderer of before would no longer work; a module may say for which it was written. */
export const RENDERER_API = 1;

/** What a renderer is given. */
export interface ToolResult {
  /** Name of the tool. */
  readonly tool: string;
  /** The arguments as the model wrote them: JSON, unless the model made a mistake. */
  readonly arguments: string;
  /** The whole result. */
  readonly text: string;
  /** `application/json` when the text is a JSON object or array, else `text/plain`. */
  readonly mediaType: MediaType;
  /** The parsed text of JSON; undefined for anything else. */
  readonly data: unknown;
  /** Of the page. */
  readonly language: "en" | "zh";
}

export type MediaType = "application/json" | "text/plain";

/** What is shown. A string is a line of text; null shows the result as text, as if there were no renderer. */
export type View =
  | string
  | { kind: "text"; text: string; tone?: Tone }
  | { kind: "heading"; text: string }
  | { kind: "group"; views: readonly View[] }
  | { kind: "list"; items: readonly View[]; ordered?: boolean }
  | { kind: "table"; columns: readonly string[]; rows: readonly (readonly View[])[] }
  /** Names and values, one under another. */
  | { kind: "fields"; fields: readonly (readonly [string, View])[] }
  | { kind: "code"; text: string; language?: string }
  /** http, https or mailto; anything else is shown as its text. */
  | { kind: "link"; text: string; href: string }
  /** Of our own origin; a foreign one is shown as its description. */
  | { kind: "image"; src: string; alt: string }
  /** `value` from 0 to 1. */
  | { kind: "meter"; value: number; label: string };

export type Tone = "plain" | "quiet" | "strong" | "good" | "warn" | "bad";

/** What a module of a package exports. */
export interface RendererModule {
  /** Pure, and quick: it runs while a card opens. May throw: then the result is shown as text. */
  default: (result: ToolResult) => View | null;
  /** `RENDERER_API` for which it was written; a module for a later one is not used. */
  api?: number;
}
