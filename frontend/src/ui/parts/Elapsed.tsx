import { useClient } from "../client";
import { useWords } from "../i18n";
import { useNow } from "../ticker";

/** How long something has been going on, by the server's clock; it counts until `end` is known. */
export function Elapsed({
  start,
  end = null,
  testid,
}: {
  start: number;
  end?: number | null;
  testid?: string;
}) {
  const client = useClient();
  const words = useWords();
  const now = useNow(client.now, end === null, 1000, start);
  const text = end === null ? words.duration(now - start) : words.duration(end - start, true);
  return (
    <span className="tabular-nums" data-testid={testid}>
      {text}
    </span>
  );
}
