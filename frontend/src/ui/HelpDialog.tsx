import { type Key, useWords } from "./i18n";
import { Dialog } from "./parts/Dialog";

const mac = /mac|iphone|ipad/i.test(navigator.platform);
const mod = mac ? "⌘" : "Ctrl";

const shortcuts: [Key, string[]][] = [
  ["help.send", ["Enter"]],
  ["help.newline", ["Shift", "Enter"]],
  ["help.stop", ["Esc"]],
  ["help.focus", ["/"]],
  ["help.new", [mod, "Shift", "O"]],
  ["help.palette", [mod, "K"]],
  ["help.search", [mod, "Shift", "F"]],
  ["find.title", [mod, "F"]],
  ["help.sidebar", [mod, "B"]],
  ["help.help", ["?"]],
];

/** Which keys do what. */
export default function HelpDialog({ onClose }: { onClose: () => void }) {
  const words = useWords();
  return (
    <Dialog title={words.t("help.title")} onClose={onClose} testid="help-dialog">
      <dl className="divide-y divide-line text-sm">
        {shortcuts.map(([key, keys]) => (
          <div key={key} className="flex items-center justify-between gap-4 py-2">
            <dt>{words.t(key)}</dt>
            <dd className="flex gap-1">
              {keys.map((each) => (
                <kbd
                  key={each}
                  className="rounded-md border border-line-strong bg-sunken px-1.5 py-0.5 font-sans text-xs text-ink-2"
                >
                  {each}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <div className="mt-4 flex justify-end">
        <button type="button" className="button" onClick={onClose}>
          {words.t("dialog.close")}
        </button>
      </div>
    </Dialog>
  );
}
