/**
 * Stands in for `decode-named-character-reference` in the build (see `resolve.alias` in vite.config.ts). That package has
 * the browser read a reference as markup, which browsers with Trusted Types refuse; so does this, by a policy that lets
 * pass a reference and nothing else.
 */
import { htmlPolicy } from "./trusted";

const REFERENCE = /^&[A-Za-z][A-Za-z0-9]*;$/;
const markup = htmlPolicy("holdfast-entities", (text) => REFERENCE.test(text));
const place = document.createElement("i");

/** The characters that `name` ("copy", as in `&copy;`) stands for; false if there is no such reference. */
export function decodeNamedCharacterReference(name: string): string | false {
  const reference = `&${name};`;
  if (!REFERENCE.test(reference)) return false;
  place.innerHTML = markup(reference);
  const text = place.textContent ?? "";
  // Browsers read some names without their semicolon: `&notit;` is `¬it;` to them, and no reference to Markdown.
  const whole = name === "semi" || !text.endsWith(";");
  return whole ? text : false;
}
