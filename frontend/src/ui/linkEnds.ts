// Where an address that stands bare in a text ends. GFM ends it at a space; Chinese and Japanese have none, so that it
// would take in all that follows.

/** Punctuation of Chinese and Japanese never belongs to an address. */
const PUNCTUATION = /[\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65“”‘’…—]/;
/** Their letters do where a part of the path consists of them (`/wiki/茶`), but not right behind a Latin one (`/a看`). */
const LETTERS = /(?<=[\w.~%)-])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

interface Node {
  type: string;
  value?: string;
  url?: string;
  children?: Node[];
}

/** The length of the address that `text` begins with. */
function addressLength(text: string): number {
  const ends = [PUNCTUATION, LETTERS].map((end) => text.search(end)).filter((at) => at >= 0);
  return Math.min(text.length, ...ends);
}

/** A remark plugin: bare addresses end where they do, and what they took in is text again. */
export function linkEnds() {
  const walk = (node: Node): void => {
    if (node.children === undefined) return;
    node.children = node.children.flatMap((child) => (child.type === "link" ? cut(child) : [child]));
    for (const child of node.children) walk(child);
  };
  return walk;
}

function cut(link: Node): Node[] {
  const [only, second] = link.children ?? [];
  const { url = "" } = link;
  const text = only?.type === "text" && second === undefined ? (only.value ?? "") : "";
  // Written as `[text](address)` or `<address>` it says itself where it ends; of the latter we see no difference, and no harm.
  const scheme = url.slice(0, url.length - text.length);
  if (text === "" || !url.endsWith(text) || !["", "http://", "mailto:"].includes(scheme)) return [link];
  const length = addressLength(text);
  if (length === text.length || length === 0) return [link];
  const shown = text.slice(0, length);
  return [
    { ...link, url: scheme + shown, children: [{ ...only, type: "text", value: shown }] },
    { type: "text", value: text.slice(length) },
  ];
}
