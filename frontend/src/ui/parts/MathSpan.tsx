import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import { chunk } from "../chunks";

const load = chunk(() => import("../math"));

/** A formula; its source until KaTeX has been loaded, and where it cannot be read. */
export const MathSpan = memo(function MathSpan({ tex, display }: { tex: string; display: boolean }) {
  const [drawn, setDrawn] = useState<{ tex: string; html: string | null } | null>(null);
  const frame = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let gone = false;
    load().then(
      ({ mathml }) => !gone && setDrawn({ tex, html: mathml(tex, display) }),
      () => {}, // not loaded: the source stays, and the banner says so
    );
    return () => {
      gone = true;
    };
  }, [tex, display]);
  const html = drawn?.tex === tex ? drawn.html : null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: for each formula that was put in.
  useLayoutEffect(() => {
    for (const element of frame.current?.querySelectorAll<HTMLElement>("[data-style]") ?? []) {
      element.style.cssText = element.dataset.style ?? "";
    }
  }, [html]);
  const className = display ? "math-display" : "math-inline";
  if (html === null) {
    return (
      <code className={className} translate="no" data-testid="math-source">
        {tex}
      </code>
    );
  }
  return (
    <span
      ref={frame}
      className={className}
      tabIndex={display ? 0 : undefined}
      translate="no"
      data-testid="math"
      // biome-ignore lint/security/noDangerouslySetInnerHtml: KaTeX made it, of a formula, without `trust`.
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
});
