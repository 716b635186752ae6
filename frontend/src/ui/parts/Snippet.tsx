import type { ReactNode } from "react";
import type { SearchHit } from "../../sync";

/** A piece of a text with what was found in it marked. The server says where, in the units that strings have here. */
export function Snippet({ hit }: { hit: Pick<SearchHit, "snippet" | "marks" | "cut_before" | "cut_after"> }) {
  const { snippet, marks, cut_before, cut_after } = hit;
  const parts: ReactNode[] = [];
  let place = 0;
  for (const { start, end } of marks) {
    parts.push(
      snippet.slice(place, start),
      <mark key={start} className="rounded-sm bg-found px-px text-inherit">
        {snippet.slice(start, end)}
      </mark>,
    );
    place = end;
  }
  return (
    <>
      {cut_before && "… "}
      {parts}
      {snippet.slice(place)}
      {cut_after && " …"}
    </>
  );
}
