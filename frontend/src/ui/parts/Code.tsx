import { Fragment, memo, type ReactNode, useEffect, useRef, useState } from "react";
import { chunk } from "../chunks";
import type { Piece } from "../highlight";

/** A block that is still written is coloured this often (ms); what came since is plain for that long. */
const AGAIN = 150;

const load = chunk(() => import("../highlight"));

interface Painted {
  text: string;
  language: string;
  pieces: Piece[];
}

/** Code in its colours, once the highlighter has been loaded; plain when it cannot be, or does not know the language. */
export const Code = memo(function Code({ text, language }: { text: string; language: string }) {
  const [painted, setPainted] = useState<Painted | null>(null);
  const newest = useRef({ text, language });
  newest.current = { text, language };
  const waiting = useRef<ReturnType<typeof setTimeout> | null>(null);
  const first = painted === null;

  // What came while a painting was made is painted by the next one, which that painting asks for.
  const done = painted !== null && painted.language === language && painted.text === text;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new text and each painting looks again.
  useEffect(() => {
    if (language === "" || done || waiting.current !== null) return;
    waiting.current = setTimeout(
      async () => {
        const pieces = await paint(newest.current);
        waiting.current = null;
        setPainted(pieces);
      },
      first ? 0 : AGAIN,
    );
  }, [text, language, painted]);
  useEffect(
    () => () => {
      if (waiting.current !== null) clearTimeout(waiting.current);
      waiting.current = null;
    },
    [],
  );

  const fits = painted !== null && painted.language === language && text.startsWith(painted.text);
  return (
    <code translate="no">
      {fits ? coloured(painted.pieces) : null}
      {fits ? text.slice(painted.text.length) : text}
    </code>
  );
});

async function paint(wanted: { text: string; language: string }): Promise<Painted | null> {
  try {
    const { highlight } = await load();
    const pieces = highlight(wanted.text, wanted.language);
    return pieces === null ? null : { ...wanted, pieces };
  } catch {
    return null; // not loaded: a new version was installed, or there is no link
  }
}

function coloured(pieces: readonly Piece[]): ReactNode {
  return pieces.map((piece, place) => {
    const key = String(place);
    if (typeof piece === "string") return <Fragment key={key}>{piece}</Fragment>;
    return (
      <span key={key} className={piece.className}>
        {coloured(piece.pieces)}
      </span>
    );
  });
}
