/** What a spreadsheet would take for a formula, and run: `=cmd`, `+1+…`, `@sum`. A signed number is none. */
const FORMULA = /^[=@\t\r]|^[+-](?![\d.,]+%?$)/;

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows as CSV (RFC 4180), safe to be opened in a spreadsheet. */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(cell).join(",")).join("\r\n");
}

/** The cells of a table that is shown, as a reader sees them. */
export function cellsOf(table: HTMLTableElement): string[][] {
  return [...table.rows].map((row) =>
    // biome-ignore lint/performance/useDomNodeTextContent: line breaks count, and a formula's source does not
    [...row.cells].map((each) => (each.innerText ?? each.textContent ?? "").trim()),
  );
}
