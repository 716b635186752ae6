// Trusted Types: on the pages of Holdfast a text becomes markup by a named policy or not at all. The names that the page
// may register are in chat/http/trusted.py, beside what each lets pass.

interface Factory {
  createPolicy(
    name: string,
    rules: { createHTML(text: string): string },
  ): { createHTML(text: string): string };
}

/**
 * What makes markup out of text that `fits`, and throws a TypeError for any other. Register each name once. Browsers that
 * know Trusted Types return an object that only `innerHTML` and its like take; it is not to be read.
 */
export function htmlPolicy(name: string, fits: (text: string) => boolean): (text: string) => string {
  const createHTML = (text: string): string => {
    if (!fits(text)) throw new TypeError(`Refused as markup by ${name}`);
    return text;
  };
  const { trustedTypes } = globalThis as { trustedTypes?: Factory };
  if (trustedTypes === undefined) return createHTML;
  const policy = trustedTypes.createPolicy(name, { createHTML });
  return (text) => policy.createHTML(text);
}
