import { Eye, KeyRound, RefreshCw } from "lucide-react";
import { useState } from "react";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { problemOf, said, Trouble } from "../pages/trouble";
import { Confirm } from "../parts/Confirm";
import { CopyButton } from "../parts/CopyButton";

interface Props {
  id: string;
  /** null: it stays covered until somebody asks for it. */
  address: string | null;
  onAddress: (address: string | null) => void;
}

/** Where a webhook is called. Whoever knows the address can fire the trigger, so it is covered until it is wanted. */
export function SecretAddress({ id, address, onAddress }: Props) {
  const words = useWords();
  const { triggers } = useClient();
  const [failed, setFailed] = useState<string | null>(null);
  const [renewing, setRenewing] = useState(false);
  const show = (work: Promise<{ address?: string | null }>) => {
    setFailed(null);
    work.then(
      (entry) => onAddress(entry.address ?? null),
      (failure) => setFailed(said(problemOf(failure), words)),
    );
  };
  return (
    <section
      aria-labelledby="trigger-address-title"
      className="mt-4 rounded-xl border border-line bg-ground px-3.5 py-3"
      data-testid="trigger-address-box"
    >
      <h2 id="trigger-address-title" className="flex items-center gap-2 text-sm font-semibold">
        <KeyRound size={15} className="flex-none text-ink-3" aria-hidden="true" />{" "}
        {words.t("trigger.address")}
      </h2>
      <p className="mt-1 text-[0.8125rem] text-ink-2">{words.t("trigger.address_about")}</p>
      <Trouble text={failed} />
      {address !== null && (
        <div className="mt-2 flex items-center gap-1 rounded-lg bg-sunken py-1 pr-1 pl-2.5">
          <code
            className="min-w-0 flex-1 font-mono text-[0.8125rem] [overflow-wrap:anywhere]"
            data-testid="trigger-address"
          >
            {address}
          </code>
          <CopyButton
            text={() => address}
            label={words.t("trigger.address_copy")}
            done={words.t("message.copied")}
          />
        </div>
      )}
      <div className="mt-2.5 flex flex-wrap gap-2">
        {address === null && (
          <button
            type="button"
            className="button small"
            data-testid="trigger-address-show"
            onClick={() => show(triggers.get(id))}
          >
            <Eye size={14} aria-hidden="true" /> {words.t("trigger.address_show")}
          </button>
        )}
        <button
          type="button"
          className="button small"
          data-testid="trigger-renew"
          onClick={() => setRenewing(true)}
        >
          <RefreshCw size={14} aria-hidden="true" /> {words.t("trigger.renew")}
        </button>
      </div>
      {renewing && (
        <Confirm
          title={words.t("trigger.renew_title")}
          text={words.t("trigger.renew_body")}
          label={words.t("trigger.renew_confirm")}
          testid="trigger-renew-confirm"
          onConfirm={() => show(triggers.renew(id))}
          onClose={() => setRenewing(false)}
        />
      )}
    </section>
  );
}
