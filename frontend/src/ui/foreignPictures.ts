// A picture of another site is not loaded: its owner would be told that, and when, the conversation is read. It becomes a
// link, which says what it is and asks nobody until it is followed.
import { isSafeImage, isSafeLink } from "./links";

/** Begins the text of such a link. */
export const PICTURE = "🖼";

interface Node {
  type: string;
  value?: string;
  url?: string;
  alt?: string | null;
  title?: string | null;
  children?: Node[];
}

/** The host of an address on the web; empty for any other. */
export function hostOf(url: string | undefined): string {
  try {
    const { protocol, host } = new URL(url ?? "", window.location.origin);
    return /^https?:$/.test(protocol) ? host : "";
  } catch {
    return "";
  }
}

/** A remark plugin: pictures of other sites become links. */
export function foreignPictures() {
  const walk = (node: Node, linked: boolean): void => {
    for (const child of node.children ?? []) {
      if (child.type === "image" && !isSafeImage(child.url)) replace(child, linked);
      walk(child, linked || child.type === "link");
    }
  };
  return (tree: Node) => walk(tree, false);
}

function replace(image: Node, linked: boolean): void {
  const host = hostOf(image.url);
  if (host === "" || !isSafeLink(image.url)) return; // `data:` and its like: their text is left
  const text = { type: "text", value: [PICTURE, image.alt, `(${host})`].filter(Boolean).join(" ") };
  // No link stands within a link: there only the words are left.
  image.type = linked ? "text" : "link";
  if (linked) image.value = text.value;
  else image.children = [text];
  // Whole: of `//host/path` the library's filter would leave the path, which is ours.
  if (!linked) image.url = new URL(image.url ?? "", window.location.origin).href;
  if (linked) delete image.url;
  delete image.alt;
  image.title = null;
}
