import { LoaderCircle } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import type { CallView } from "../../sync";
import { useClient, useSetup } from "../client";
import { useWords } from "../i18n";
import { CopyButton } from "../parts/CopyButton";
import { Guard } from "../parts/Guard";
import { useKept } from "../parts/kept";
import type { View } from "../renderers/contract";
import { moduleOf } from "../renderers/registry";
import { useResultView } from "../renderers/useResultView";
import { ViewTree } from "../renderers/ViewTree";
import { pretty, readArguments } from "../view";
import { isPersonsWord } from "./Doubt";

/** The opened part of a card: arguments and result, the result whole when it is asked for. */
export function CallDetails({ conversation, call }: { conversation: string; call: CallView }) {
  const words = useWords();
  const { boot } = useSetup();
  const args = readArguments(call.arguments);
  const ended = call.status === "succeeded" || call.status === "failed" || call.status === "cancelled";
  // A person's short word stands on the card already.
  const done = ended && (!isPersonsWord(call) || call.size > call.preview.length);
  return (
    <div className="space-y-3 px-3.5 pb-3.5 pl-10 text-sm">
      {args.empty ? (
        <p className="text-xs text-ink-2">{words.t("call.no_arguments")}</p>
      ) : (
        <Block
          label={words.t("call.arguments")}
          aside={args.malformed ? words.t("call.malformed") : ""}
          text={args.text}
          copyLabel={words.t("call.copy_arguments")}
          testid="call-arguments"
        />
      )}
      {done && (call.preview !== "" || call.size > 0) && <Result conversation={conversation} call={call} />}
      {call.by && call.by !== boot.user && call.code !== "refused" && !isPersonsWord(call) && (
        <p className="text-xs text-ink-2">{words.t("call.by", { name: call.by })}</p>
      )}
    </div>
  );
}

type Loading = "no" | "yes" | "failed";

function Result({ conversation, call }: { conversation: string; call: CallView }) {
  const client = useClient();
  const words = useWords();
  const [whole, setWhole] = useKept<string | null>(`result:${call.id}`, null);
  const [loading, setLoading] = useState<Loading>("no");
  const [plain, setPlain] = useKept(`plain:${call.id}`, false);
  const { boot } = useSetup();
  const cut = call.size > call.preview.length;
  const text = whole ?? (cut ? null : call.preview);
  // Only what a tool gave is drawn; what is said of a failure is text for people already.
  const persons = isPersonsWord(call);
  const drawable = call.status === "succeeded" && text !== null && !persons;
  const view = useResultView(call.name, call.arguments, drawable ? text : null);

  const load = async () => {
    setLoading("yes");
    try {
      setWhole((await client.callDetail(conversation, call.id)).result);
      setLoading("no");
    } catch {
      setLoading("failed");
    }
  };

  // A renderer of the tool's own is given whole results only, so it is not left to the person to ask for the rest.
  const own = moduleOf(call.name, boot.renderers ?? {}, window.location.origin) !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the card opens.
  useEffect(() => {
    if (own && cut && whole === null && call.status === "succeeded") void load();
  }, []);

  return (
    <div>
      <Block
        label={words.t(persons ? "doubt.words" : "call.result")}
        aside=""
        text={text === null ? `${call.preview}…` : pretty(text)}
        copyLabel={words.t("call.copy_result")}
        testid="call-result"
        tall={whole !== null}
        view={plain ? null : view}
      >
        {view !== null && (
          <button
            type="button"
            className="rounded px-1.5 py-0.5 hover:bg-hover hover:text-ink"
            aria-pressed={plain}
            data-testid="call-plain"
            onClick={() => setPlain(!plain)}
          >
            {words.t("result.as_text")}
          </button>
        )}
      </Block>
      {cut && (
        <div className="mt-1.5 flex items-center gap-2 text-xs">
          <button
            type="button"
            className="button small"
            disabled={loading === "yes"}
            data-testid="call-show-all"
            onClick={() => (whole === null ? void load() : setWhole(null))}
          >
            {loading === "yes" && <LoaderCircle size={13} className="spin" aria-hidden="true" />}
            {whole === null
              ? words.t("call.show_all", { n: words.count(call.size) })
              : words.t("call.show_less")}
          </button>
          {loading === "failed" && (
            <span className="text-danger" role="alert">
              {words.t("call.detail_failed")}
            </span>
          )}
        </div>
      )}
    </div>
  );
}

interface BlockProps {
  label: string;
  aside: string;
  text: string;
  copyLabel: string;
  testid: string;
  tall?: boolean;
  /** Shown instead of the text. */
  view?: View | null;
  /** Beside the button that copies. */
  children?: ReactNode;
}

function Block({ label, aside, text, copyLabel, testid, tall = false, view = null, children }: BlockProps) {
  const words = useWords();
  const box = `rounded-lg border border-line bg-sunken px-3 py-2 ${tall ? "max-h-[32rem]" : "max-h-64"}`;
  const asText = (
    <pre
      className={`plain-code whitespace-pre-wrap [overflow-wrap:anywhere] ${box}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: long texts are scrolled by keyboard.
      tabIndex={0}
      translate="no"
      data-testid={testid}
      data-look="text"
    >
      {text}
    </pre>
  );
  return (
    <div>
      <div className="flex min-h-7 items-center gap-2 text-xs text-ink-2">
        <span className="font-medium">{label}</span>
        {aside && <span className="text-warn">{aside}</span>}
        <span className="ml-auto flex items-center gap-1">
          {children}
          <CopyButton text={() => text} label={copyLabel} done={words.t("message.copied")} />
        </span>
      </div>
      {view === null ? (
        asText
      ) : (
        <Guard fallback={asText}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long views are scrolled by keyboard. */}
          <div className={`overflow-auto text-xs ${box}`} tabIndex={0} data-testid={testid} data-look="view">
            <ViewTree view={view} />
          </div>
        </Guard>
      )}
    </div>
  );
}
