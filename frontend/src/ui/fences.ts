/** A piece of what somebody wrote: plain text, or a block of code between fences. */
export type Piece = { kind: "text"; text: string } | { kind: "code"; text: string; language: string };

const OPEN = /^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*$/;

/** A message in pieces. What people write is not Markdown, but code between fences is meant as code. */
export function fencesOf(text: string): Piece[] {
  if (!text.includes("```") && !text.includes("~~~")) return [{ kind: "text", text }];
  const pieces: Piece[] = [];
  let plain: string[] = [];
  const flush = () => {
    const joined = plain.join("\n").replace(/^\n+|\n+$/g, "");
    if (joined !== "") pieces.push({ kind: "text", text: joined });
    plain = [];
  };
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, fence = "", language = ""] = OPEN.exec(line) ?? [];
    const end = fence === "" ? -1 : lines.findIndex((each, n) => n > at && closes(each, fence));
    // An opening without its end is text: the fence may be what somebody asks about.
    if (end === -1) {
      plain.push(line);
      continue;
    }
    flush();
    pieces.push({
      kind: "code",
      text: lines.slice(at + 1, end).join("\n"),
      language: language.toLowerCase(),
    });
    at = end;
  }
  flush();
  return pieces;
}

function closes(line: string, fence: string): boolean {
  const mark = line.trim();
  return mark.length >= fence.length && mark === (fence[0] ?? "").repeat(mark.length);
}
