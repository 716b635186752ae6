import {
  Archive,
  ArchiveRestore,
  CopyPlus,
  FileDown,
  FileJson,
  Pencil,
  Pin,
  PinOff,
  Trash2,
} from "lucide-react";
import type { ListEntry } from "../sync";
import { PREFIX } from "./addresses";
import { useWords } from "./i18n";
import { MenuItem, MenuLine } from "./parts/Menu";
import { useCopying } from "./useCopying";
import { useMarking } from "./useMarking";

interface Props {
  entry: ListEntry;
  onRename: (entry: ListEntry) => void;
  onDelete: (entry: ListEntry) => void;
}

/** What can be done with a conversation, for the menu of its row and for that of its page. */
export function EntryItems({ entry, onRename, onDelete }: Props) {
  const words = useWords();
  const { mark } = useMarking();
  const { copy, busy } = useCopying();
  const exported = (form: string) => `${PREFIX}/api/conversations/${entry.id}/export?form=${form}`;
  const { pinned = false, archived = false } = entry;
  return (
    <>
      <MenuItem icon={<Pencil size={15} />} testid="menu-rename" onSelect={() => onRename(entry)}>
        {words.t("list.rename")}
      </MenuItem>
      {!entry.pending && (
        <>
          <MenuItem
            icon={pinned ? <PinOff size={15} /> : <Pin size={15} />}
            testid="menu-pin"
            onSelect={() => mark([entry.id], { pinned: !pinned })}
          >
            {words.t(pinned ? "list.unpin" : "list.pin")}
          </MenuItem>
          <MenuItem
            icon={archived ? <ArchiveRestore size={15} /> : <Archive size={15} />}
            testid="menu-archive"
            onSelect={() => mark([entry.id], { archived: !archived })}
          >
            {words.t(archived ? "list.unarchive" : "list.archive")}
          </MenuItem>
          <MenuItem icon={<CopyPlus size={15} />} testid="menu-copy" onSelect={() => busy || copy(entry.id)}>
            {words.t("list.copy")}
          </MenuItem>
          <MenuLine />
          <MenuItem icon={<FileDown size={15} />} testid="menu-export" href={exported("markdown")}>
            {words.t("list.export_markdown")}
          </MenuItem>
          <MenuItem icon={<FileJson size={15} />} testid="menu-export-json" href={exported("json")}>
            {words.t("list.export_json")}
          </MenuItem>
          <MenuLine />
        </>
      )}
      <MenuItem icon={<Trash2 size={15} />} testid="menu-delete" danger onSelect={() => onDelete(entry)}>
        {words.t("list.delete")}
      </MenuItem>
    </>
  );
}
