import { LifeBuoy } from "lucide-react";
import { memo } from "react";
import type { ForkView, StepItem } from "../../sync";
import { useAgentName } from "../client";
import { useWords } from "../i18n";
import { CopyButton } from "../parts/CopyButton";
import { LazyMarkdown } from "../parts/LazyMarkdown";
import { Logo } from "../parts/Logo";
import { Tip } from "../parts/Tip";
import { TimelineButton } from "../TimelineButton";
import { usageLines } from "../usage";
import { CallGroup } from "./CallGroup";
import { Incomplete } from "./Incomplete";
import { LeftOut } from "./LeftOut";
import { MessageMenu } from "./MessageMenu";
import { Thinking } from "./Thinking";
import { TryAgain } from "./TryAgain";
import { Ways } from "./Ways";

interface Props {
  conversation: string;
  agent: string | undefined;
  item: StepItem;
  /** First and last of a stretch of steps: where the agent's name and the foot stand. */
  opens: boolean;
  closes: boolean;
  /** Half an answer that somebody may ask to go on with. */
  goesOn: boolean;
  /** Which of several ways on begins here. */
  fork?: ForkView | null;
  /** Whether it may be made again. */
  again?: boolean;
}

/** One model response: its text, its calls, and where it came from. */
export const StepRow = memo(function StepRow(props: Props) {
  const { conversation, agent, item, opens, closes, goesOn, fork = null, again = false } = props;
  const words = useWords();
  const name = useAgentName(agent);
  const streaming = item.status === "streaming";
  // Steps of before reasoning was kept have no such field.
  const reasoning = item.reasoning ?? "";
  return (
    <article
      className={`group relative ${opens ? "pt-5" : "pt-1"} pb-1 md:pl-11`}
      aria-label={words.t("step.answer", { agent: name })}
      aria-busy={streaming}
      data-testid="step"
      data-id={item.id}
      data-seq={item.seq}
      data-run={item.run}
      data-status={item.status}
      data-survived={item.survived}
      data-attempt={item.attempt}
      data-incomplete={item.incomplete ?? undefined}
    >
      {opens && (
        <header className="mb-1.5 flex items-center gap-2 text-sm font-semibold md:min-h-7">
          <span className="md:absolute md:left-0">
            <Logo size={26} />
          </span>
          {name}
        </header>
      )}
      {fork && <Ways conversation={conversation} fork={fork} />}
      {item.survived && <Survived />}
      {reasoning !== "" && (
        <Thinking
          step={item.id}
          reasoning={reasoning}
          busy={streaming && item.text === ""}
          streaming={streaming}
        />
      )}
      {item.text !== "" && (
        <div data-testid="step-text">
          <LazyMarkdown text={item.text} streaming={streaming} />
        </div>
      )}
      {streaming && item.text === "" && reasoning === "" && (
        <p className="thinking inline-block py-0.5 text-[0.9375rem]">{words.t("step.thinking")}…</p>
      )}
      {item.incomplete != null && (
        <Incomplete conversation={conversation} why={item.incomplete} goesOn={goesOn} />
      )}
      {item.calls.length > 0 && <CallGroup conversation={conversation} calls={item.calls} />}
      {item.left_out && (
        <LeftOut conversation={conversation} id={item.id} mark={item.left_out} names={[]} step />
      )}
      {closes && !streaming && item.calls.length === 0 && (
        <Foot conversation={conversation} item={item}>
          {again && <TryAgain conversation={conversation} item={item.id} agent={agent} />}
        </Foot>
      )}
    </article>
  );
});

function Survived() {
  const words = useWords();
  return (
    <Tip text={words.t("step.survived_hint")}>
      <button
        type="button"
        className="chip mb-1.5 cursor-default bg-accent-soft text-accent"
        aria-label={`${words.t("step.survived")}. ${words.t("step.survived_hint")}`}
      >
        <LifeBuoy size={13} aria-hidden="true" />
        {words.t("step.survived")}
      </button>
    </Tip>
  );
}

interface FootProps {
  conversation: string;
  item: StepItem;
  children: React.ReactNode;
}

function Foot({ conversation, item, children }: FootProps) {
  const words = useWords();
  const { usage } = item;
  return (
    <footer className="-ml-1.5 mt-0.5 flex h-8 items-center gap-2 text-xs text-ink-3 opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
      <CopyButton text={() => item.text} label={words.t("message.copy")} done={words.t("message.copied")} />
      {children}
      <TimelineButton conversation={conversation} run={item.run} />
      <MessageMenu conversation={conversation} item={item.id} />
      <time dateTime={new Date(item.at).toISOString()} title={words.fullDate(item.at)}>
        {words.clock(item.at)}
      </time>
      {usage && usage.output > 0 && (
        <Tip text={[words.t("step.by", { model: item.model }), ...usageLines(usage, words)].join(" · ")}>
          <button type="button" className="hidden cursor-default sm:inline" data-testid="step-usage">
            · {words.t("step.tokens", { input: words.count(usage.input), output: words.count(usage.output) })}
          </button>
        </Tip>
      )}
    </footer>
  );
}
