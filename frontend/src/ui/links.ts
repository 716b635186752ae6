// Where an answer of a model, or the result of a tool, may point to.

const origin = window.location.origin;

/** Whether it may link there. */
export function isSafeLink(href: string | undefined): href is string {
  if (!href) return false;
  if (href.startsWith("#")) return true;
  try {
    return ["http:", "https:", "mailto:"].includes(new URL(href, origin).protocol);
  } catch {
    return false;
  }
}

/** Whether it may show this image: only what we serve ourselves. */
export function isSafeImage(src: unknown): src is string {
  if (typeof src !== "string" || src === "") return false;
  try {
    const url = new URL(src, origin);
    return url.origin === origin && /^https?:$/.test(url.protocol);
  } catch {
    return false;
  }
}
