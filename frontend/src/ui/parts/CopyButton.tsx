import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

/** Copies a text; says so for two seconds. Without a clipboard (plain http) it falls back to a selection. */
export function CopyButton({ text, label, done }: { text: () => string; label: string; done: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      className="icon-button small"
      aria-label={copied ? done : label}
      title={copied ? done : label}
      onClick={() => void copy(text()).then(setCopied)}
    >
      {copied ? <Check size={15} className="text-ok" /> : <Copy size={15} />}
    </button>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr-only";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
