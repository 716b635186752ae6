import { useId, useMemo, useState } from "react";
import { useWords } from "./i18n";
import { type Command, fitting } from "./palette";
import { Dialog } from "./parts/Dialog";
import { type Doing, useCommands } from "./useCommands";

/** Rows shown at most: what is not among them is found by another letter. */
const MAX_ROWS = 12;

/** Everything that can be done and every conversation that is loaded, by name and by keyboard alone. */
export default function Palette(props: { current: string | null; doing: Doing; onClose: () => void }) {
  const { current, doing, onClose } = props;
  const commands = useCommands(current, doing);
  const words = useWords();
  const id = useId();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const found = useMemo(() => {
    const query = typed.trim();
    const fit = fitting(commands, typed, MAX_ROWS);
    if (query === "") return fit;
    // What is said in a conversation has no name: it is looked for.
    const label = words.t("search.for", { query });
    return [...fit, { id: "search-for", label, run: () => doing.searchTexts(query) }];
  }, [commands, typed, words, doing]);
  const chosen = found[Math.min(at, found.length - 1)];
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    // After the dialog has given the focus back, or it would take it from what is opened now.
    setTimeout(command.run);
  };
  return (
    <Dialog
      title={words.t("palette.title")}
      hideTitle
      className="dialog palette"
      testid="palette"
      onClose={onClose}
    >
      <input
        className="field"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={chosen ? `${id}-${chosen.id}` : undefined}
        aria-autocomplete="list"
        aria-label={words.t("palette.label")}
        placeholder={words.t("palette.label")}
        value={typed}
        maxLength={200}
        autoFocus
        data-testid="palette-input"
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return;
          const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (by !== 0 && found.length > 0) {
            event.preventDefault();
            setAt((Math.min(at, found.length - 1) + by + found.length) % found.length);
          }
          if (event.key === "Enter") {
            event.preventDefault();
            run(chosen);
          }
        }}
      />
      <div id={`${id}-list`} role="listbox" aria-label={words.t("palette.title")} className="mt-2">
        {found.map((command) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
          <div
            key={command.id}
            id={`${id}-${command.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={command === chosen}
            className={`flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2 text-sm ${command === chosen ? "bg-hover" : ""}`}
            data-testid="palette-option"
            data-id={command.id}
            onClick={() => run(command)}
            onMouseMove={() => setAt(found.indexOf(command))}
          >
            <span className="min-w-0 flex-1 truncate">{command.label}</span>
            {command.hint && <span className="flex-none text-xs text-ink-2">{command.hint}</span>}
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="px-3 py-2 text-sm text-ink-2" role="status">
          {words.t("list.nothing_found", { query: typed.trim() })}
        </p>
      )}
    </Dialog>
  );
}
