import { LoaderCircle } from "lucide-react";
import { useEffect, useRef } from "react";
import { useClient } from "../client";
import { useWords } from "../i18n";

/** It is asked for when the row is this near to what is in sight, so that nobody scrolls past it. */
const NEAR = "600px 0px";

/** Stands where items are missing after a jump, and has them loaded while it is in sight, from the side that is read. */
export function GapRow(props: { conversation: string; items: number; upwards: () => boolean }) {
  const { conversation, items, upwards } = props;
  const client = useClient();
  const words = useWords();
  const place = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page that has come asks anew whether that was enough.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const seen = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void client.loadBetween(conversation, upwards());
      },
      { root: element.closest("[data-testid=transcript]"), rootMargin: NEAR },
    );
    seen.observe(element);
    return () => seen.disconnect();
  }, [client, conversation, items, upwards]);
  return (
    <div
      ref={place}
      className="my-4 flex items-center justify-center gap-2 border-y border-dashed border-line py-6 text-xs text-ink-2"
      data-testid="gap"
    >
      <LoaderCircle size={13} className="spin" aria-hidden="true" />
      <button type="button" onClick={() => void client.loadBetween(conversation, upwards())}>
        {words.t("log.gap")}
      </button>
    </div>
  );
}
