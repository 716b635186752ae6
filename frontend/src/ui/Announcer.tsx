import { useEffect, useRef, useState } from "react";
import type { ConversationView } from "../sync";
import { announcement, type Moment, momentOf } from "./announce";
import { useWords } from "./i18n";

/**
 * The one live region of the page. It speaks at boundaries only (see `announce.ts`); each text is a new element, so
 * that the same words are spoken again.
 */
export function Announcer({
  view,
  agent,
  disconnected,
}: {
  view: ConversationView | null;
  agent: string;
  disconnected: boolean;
}) {
  const words = useWords();
  const before = useRef<Moment | null>(null);
  const [said, say] = useState({ n: 0, text: "" });
  useEffect(() => {
    const after = momentOf(view, disconnected);
    const spoken = before.current && announcement(before.current, after);
    // A conversation that is being opened again has nothing to compare with: wait until it is there.
    if (after.ready || before.current?.conversation !== after.conversation) before.current = after;
    if (!spoken) return;
    const reason = spoken.code ? words.code("code", spoken.code, spoken.code) : "";
    const text = words.t(spoken.key, { agent, reason });
    say((last) => ({ n: last.n + 1, text }));
  }, [view, disconnected, agent, words]);
  return (
    <div role="status" aria-live="polite" className="sr-only" data-testid="announcer">
      <span key={said.n}>{said.text}</span>
    </div>
  );
}
