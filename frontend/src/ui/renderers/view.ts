// What a renderer gives back, checked: it is another's data, which may be anything.
import type { Tone, View } from "./contract";

/** Pieces of one view, and how deep they may lie in each other; more is no picture that anybody could read. */
const MAX_PIECES = 5_000;
const MAX_DEPTH = 20;
const TONES: readonly string[] = ["plain", "quiet", "strong", "good", "warn", "bad"] satisfies Tone[];

class Unfit extends Error {}

/** `value` as a view, with nothing in it that is not one. Throws an `Error` that says what is wrong and where. */
export function viewOf(value: unknown): View {
  let pieces = 0;

  const view = (raw: unknown, place: string, depth: number): View => {
    pieces += 1;
    if (pieces > MAX_PIECES) throw new Unfit(`more than ${MAX_PIECES} pieces`);
    if (depth > MAX_DEPTH) throw new Unfit(`${place}: deeper than ${MAX_DEPTH}`);
    if (typeof raw === "string" || typeof raw === "number") return String(raw);
    if (typeof raw !== "object" || raw === null) throw new Unfit(`${place}: neither a text nor a view`);
    const all = raw as Record<string, unknown>;
    const views = (name: string): View[] =>
      array(all[name], `${place}.${name}`).map((each, n) => view(each, `${place}.${name}[${n}]`, depth + 1));
    const string = (name: string): string => text(all[name], `${place}.${name}`);
    switch (all.kind) {
      case "text": {
        const tone = all.tone ?? "plain";
        if (typeof tone !== "string" || !TONES.includes(tone)) throw new Unfit(`${place}.tone: unknown`);
        return { kind: "text", text: string("text"), tone: tone as Tone };
      }
      case "heading":
        return { kind: "heading", text: string("text") };
      case "group":
        return { kind: "group", views: views("views") };
      case "list":
        return { kind: "list", items: views("items"), ordered: all.ordered === true };
      case "table": {
        const columns = array(all.columns, `${place}.columns`).map((each) => text(each, `${place}.columns`));
        const rows = array(all.rows, `${place}.rows`).map((row, n) =>
          array(row, `${place}.rows[${n}]`).map((each) => view(each, `${place}.rows[${n}]`, depth + 1)),
        );
        if (rows.some((row) => row.length !== columns.length)) {
          throw new Unfit(`${place}: a row has not as many cells as there are columns`);
        }
        return { kind: "table", columns, rows };
      }
      case "fields": {
        const fields = array(all.fields, `${place}.fields`).map((pair, n): [string, View] => {
          const [name, each] = array(pair, `${place}.fields[${n}]`);
          return [text(name, `${place}.fields[${n}]`), view(each, `${place}.fields[${n}]`, depth + 1)];
        });
        return { kind: "fields", fields };
      }
      case "code": {
        const language = typeof all.language === "string" ? all.language : "";
        return { kind: "code", text: string("text"), language };
      }
      case "link":
        return { kind: "link", text: string("text"), href: string("href") };
      case "image":
        return { kind: "image", src: string("src"), alt: string("alt") };
      case "meter": {
        const { value } = all;
        if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
          throw new Unfit(`${place}.value: not between 0 and 1`);
        }
        return { kind: "meter", value, label: string("label") };
      }
      default:
        throw new Unfit(`${place}.kind: unknown`);
    }
  };

  return view(value, "view", 0);
}

function array(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Unfit(`${place}: not a list`);
  return value;
}

function text(value: unknown, place: string): string {
  if (typeof value !== "string" && typeof value !== "number") throw new Unfit(`${place}: not a text`);
  return String(value);
}
