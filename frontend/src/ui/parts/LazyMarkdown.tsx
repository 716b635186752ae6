import { lazy, Suspense } from "react";
import { chunk } from "../chunks";
import { Guard } from "./Guard";

const load = chunk(() => import("../Markdown"));
const Markdown = lazy(load);

/** Start loading the renderer beside everything else: the first answer should find it there. */
export function preloadMarkdown(): void {
  void load().catch(() => {});
}

/** Markdown; the text as it is until the renderer has been loaded, and when it cannot be. */
export function LazyMarkdown({ text, streaming }: { text: string; streaming: boolean }) {
  const plain = <div className="prose whitespace-pre-wrap">{text}</div>;
  return (
    <Guard fallback={plain}>
      <Suspense fallback={plain}>
        <Markdown text={text} streaming={streaming} />
      </Suspense>
    </Guard>
  );
}
