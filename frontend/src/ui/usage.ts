import type { Usage } from "../sync";
import type { Words } from "./i18n";

/** What responses took, in lines for people; none if the provider does not count. */
export function usageLines(usage: Usage | null | undefined, words: Words): string[] {
  if (!usage || usage.input + usage.output === 0) return [];
  const lines = [
    words.t("usage.tokens", { input: words.count(usage.input), output: words.count(usage.output) }),
  ];
  if (usage.cached > 0) lines.push(words.t("usage.cached", { n: words.count(usage.cached) }));
  if (usage.cost !== null && usage.cost !== undefined)
    lines.push(words.t("usage.cost", { cost: words.money(usage.cost) }));
  return lines;
}
