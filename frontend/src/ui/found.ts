/** Words that were found, marked in what is shown by the browser itself: nothing in the document changes. */

const NAME = "found";

/** Mark what was looked for in an element, and nowhere else. Browsers that cannot show nothing. */
export function highlight(element: Element, query: string): void {
  if (typeof Highlight === "undefined" || !CSS.highlights) return;
  const words = wordsOf(query);
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = folded(node.nodeValue ?? "");
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
}

export function unhighlight(): void {
  if (typeof CSS !== "undefined" && CSS.highlights) CSS.highlights.delete(NAME);
}

/** The words of a query, those in quotation marks together. */
function wordsOf(query: string): string[] {
  const found = query.replace(/[“”]/g, '"').matchAll(/"([^"]+)"|([^\s"]+)/g);
  return [...found].map(([, quoted, word]) => folded(quoted ?? word ?? "")).filter((word) => word !== "");
}

/** Lower case where that keeps every place. */
function folded(text: string): string {
  const lowered = text.toLowerCase();
  return lowered.length === text.length ? lowered : text;
}
