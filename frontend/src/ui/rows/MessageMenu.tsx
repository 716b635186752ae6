import { CopyPlus, Ellipsis } from "lucide-react";
import { useWords } from "../i18n";
import { Menu, MenuItem } from "../parts/Menu";
import { useCopying } from "../useCopying";

/** What else can be done from a message on. */
export function MessageMenu({ conversation, item }: { conversation: string; item: string }) {
  const words = useWords();
  const { copy, busy } = useCopying();
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          className="icon-button small"
          aria-label={words.t("message.more")}
          data-testid="message-menu"
        >
          <Ellipsis size={15} aria-hidden="true" />
        </button>
      }
    >
      <MenuItem
        icon={<CopyPlus size={15} />}
        testid="copy-from-here"
        onSelect={() => busy || copy(conversation, item)}
      >
        {words.t("copy.from_here")}
      </MenuItem>
    </Menu>
  );
}
