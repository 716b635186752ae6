import { Layers } from "lucide-react";
import { memo } from "react";
import type { CallView } from "../../sync";
import { useWords } from "../i18n";
import { CallCard } from "./CallCard";

/** The calls of one step: one card, or several that belong together in one frame. */
export const CallGroup = memo(function CallGroup(props: {
  conversation: string;
  calls: readonly CallView[];
}) {
  const words = useWords();
  const { conversation, calls } = props;
  return (
    <section
      className="my-2.5 overflow-hidden rounded-xl border border-line bg-raised"
      aria-label={calls.length > 1 ? words.t("call.group", { n: calls.length }) : undefined}
    >
      {calls.length > 1 && (
        <div className="flex items-center gap-2 border-b border-line bg-sunken px-3.5 py-1.5 text-xs text-ink-2">
          <Layers size={13} aria-hidden="true" />
          {words.t("call.group", { n: calls.length })}
        </div>
      )}
      <div className="divide-y divide-line">
        {calls.map((call) => (
          <CallCard key={call.id} conversation={conversation} call={call} />
        ))}
      </div>
    </section>
  );
});
