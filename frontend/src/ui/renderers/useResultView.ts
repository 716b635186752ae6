import { useEffect, useMemo, useState } from "react";
import { useSetup } from "../client";
import { useWords } from "../i18n";
import type { ToolResult, View } from "./contract";
import { mediaTypeOf, rendererOf } from "./registry";

const NONE = {};

/**
 * The picture of a whole result, or null while there is none: no renderer for it, not loaded yet, or one that failed.
 * A failure is written to the console for whoever made the renderer; people see the text.
 */
export function useResultView(tool: string, args: string, text: string | null): View | null {
  const words = useWords();
  const { boot } = useSetup();
  const [made, setMade] = useState<{ of: ToolResult; view: View | null } | null>(null);
  const { language } = words;
  const result = useMemo<ToolResult | null>(
    () => (text === null ? null : { tool, arguments: args, text, ...mediaTypeOf(text), language }),
    [tool, args, text, language],
  );
  useEffect(() => {
    const load = result && rendererOf(result, boot.renderers ?? NONE, window.location.origin);
    if (result === null || load === null) return;
    let wanted = true;
    load()
      .then((draw) => draw(result, (n) => words.t("result.more", { n: words.count(n) })))
      .then((view) => wanted && setMade({ of: result, view }))
      .catch((error: unknown) => console.warn(`The renderer of ${result.tool} failed:`, error));
    return () => {
      wanted = false;
    };
  }, [result, boot.renderers, words]);
  return made !== null && made.of === result ? made.view : null;
}
