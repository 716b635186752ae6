// JSON as a view: rows of alike objects as a table, one object as fields, the rest as a list. For people, not for
// machines: long values are shortened, and the text behind it is one click away.
import type { View } from "./contract";

/** What is shown of a long list, and how deep; the text has the rest. */
const MAX_ROWS = 200;
const MAX_COLUMNS = 12;
const MAX_DEPTH = 4;

type Obj = Record<string, unknown>;

/** A JSON value for people, or null when a picture of it would say less than its text. */
export function jsonView(data: unknown, more: (n: number) => string): View | null {
  if (Array.isArray(data) ? data.length === 0 : !isObject(data) || Object.keys(data).length === 0)
    return null;
  return valueView(data, more, 0);
}

function valueView(value: unknown, more: (n: number) => string, depth: number): View {
  if (value === null || value === undefined) return { kind: "text", text: "–", tone: "quiet" };
  if (typeof value === "string") return isLink(value) ? { kind: "link", text: value, href: value } : value;
  if (typeof value !== "object") return String(value);
  if (depth >= MAX_DEPTH) return { kind: "code", text: JSON.stringify(value, null, 2), language: "json" };
  if (!Array.isArray(value)) {
    const fields = Object.entries(value).map(
      ([name, each]) => [name, valueView(each, more, depth + 1)] as const,
    );
    return fields.length === 0 ? { kind: "text", text: "{}", tone: "quiet" } : { kind: "fields", fields };
  }
  if (value.length === 0) return { kind: "text", text: "[]", tone: "quiet" };
  if (value.every(isScalar) && value.length <= MAX_COLUMNS && depth > 0) return value.map(String).join(", ");
  const shown = value.slice(0, MAX_ROWS);
  const rest: View[] =
    value.length > MAX_ROWS ? [{ kind: "text", text: more(value.length - MAX_ROWS), tone: "quiet" }] : [];
  const columns = columnsOf(shown);
  const main: View =
    columns === null
      ? { kind: "list", items: shown.map((each) => valueView(each, more, depth + 1)) }
      : {
          kind: "table",
          columns,
          rows: shown.map((row) => columns.map((name) => valueView((row as Obj)[name], more, MAX_DEPTH - 1))),
        };
  return rest.length === 0 ? main : { kind: "group", views: [main, ...rest] };
}

/** The columns of a table, in the order in which they first come; null when the rows are not alike enough for one. */
function columnsOf(rows: readonly unknown[]): string[] | null {
  if (!rows.every(isObject)) return null;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (columns.length === 0 || columns.length > MAX_COLUMNS) return null;
  const filled = rows.reduce((sum, row) => sum + Object.keys(row).length, 0);
  const flat = rows.every((row) => Object.values(row).every((each) => isScalar(each) || Array.isArray(each)));
  return flat && filled >= (rows.length * columns.length) / 2 ? columns : null;
}

function isObject(value: unknown): value is Obj {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== "object";
}

function isLink(text: string): boolean {
  return /^https?:\/\/\S+$/.test(text) && text.length < 500;
}
