/** Characters of the first message that become the title of its conversation. */
const TITLE = 60;

/** `text` as the server can keep it: no control characters but tab and line breaks, no halves of characters. */
export function tidy(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
  );
}

/** Whether a person would see nothing of it; the server judges alike (`is_blank` in agents/borders.py). */
export function isBlank(text: string): boolean {
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of them is meant alone
  return !/[^\s\p{Cc}\p{Cf}\p{Cs}\p{Z}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/u.test(
    text,
  );
}

/** A title for a conversation that begins with `text`: its first line, cut at a word where there is one. */
export function titleOf(text: string): string {
  const [line = ""] = text.trim().split("\n");
  const characters = Array.from(line.trim());
  if (characters.length <= TITLE) return characters.join("");
  const cut = characters.slice(0, TITLE).join("");
  const space = cut.lastIndexOf(" ");
  return `${space > TITLE / 2 ? cut.slice(0, space) : cut}…`;
}
