/** Something that can be done by its name. */
export interface Command {
  id: string;
  label: string;
  /** Said beside it: its keys, or when it was last changed. */
  hint?: string;
  /** Also found by these words. */
  also?: string;
  run: () => void;
}

/** How well a name fits what was typed: lower is better; null: not at all. */
function distance(command: Command, wanted: string): number | null {
  const label = command.label.toLowerCase();
  const at = label.indexOf(wanted);
  if (at === 0) return 0;
  if (at > 0) return /[\s\p{P}]/u.test(label[at - 1] ?? "") || isHan(wanted) ? 1 : 2;
  return command.also?.toLowerCase().includes(wanted) ? 3 : null;
}

function isHan(text: string): boolean {
  return /\p{Script=Han}/u.test(text);
}

/** The commands that fit, best first; those that fit alike keep their order. */
export function fitting(commands: readonly Command[], typed: string, most: number): Command[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return commands.slice(0, most);
  return commands
    .flatMap((command) => {
      const how = distance(command, wanted);
      return how === null ? [] : [{ command, how }];
    })
    .sort((a, b) => a.how - b.how)
    .slice(0, most)
    .map(({ command }) => command);
}
