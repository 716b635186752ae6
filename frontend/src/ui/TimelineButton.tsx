import { ChartNoAxesGantt } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { chunk } from "./chunks";
import { useWords } from "./i18n";
import { Guard } from "./parts/Guard";

const Timeline = lazy(chunk(() => import("./Timeline")));

/** Opens what a run did with its time. */
export function TimelineButton({ conversation, run }: { conversation: string; run: string }) {
  const words = useWords();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="icon-button small"
        aria-label={words.t("timeline.title")}
        title={words.t("timeline.title")}
        data-testid="open-timeline"
        onClick={() => setOpen(true)}
      >
        <ChartNoAxesGantt size={15} />
      </button>
      {open && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <Timeline conversation={conversation} run={run} onClose={() => setOpen(false)} />
          </Suspense>
        </Guard>
      )}
    </>
  );
}
