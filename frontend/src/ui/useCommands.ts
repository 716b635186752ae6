import { useMemo } from "react";
import type { ListEntry } from "../sync";
import { ADMIN } from "./addresses";
import { useClient, useList, useSetup } from "./client";
import { type Key, useLanguage, useWords } from "./i18n";
import { jumpTo } from "./jump";
import type { Command } from "./palette";
import type { Kept } from "./route";
import { useTheme } from "./theme";
import { useCopying } from "./useCopying";
import { isActiveStatus } from "./view";

/** What the page can do. */
export interface Doing {
  go: (conversation: string | null) => void;
  search: () => void;
  searchTexts: (typed: string) => void;
  bringIn: () => void;
  find: () => void;
  toggleSidebar: () => void;
  focusComposer: () => void;
  help: () => void;
  page: (kind: Kept) => void;
  rename: (entry: ListEntry) => void;
  remove: (entry: ListEntry) => void;
}

/** What the palette offers: what can be done with what is shown, then everywhere, then the conversations. */
export function useCommands(current: string | null, doing: Doing): readonly Command[] {
  const client = useClient();
  const words = useWords();
  const { boot } = useSetup();
  const { conversations } = useList();
  const [language, setLanguage] = useLanguage();
  const [, setTheme] = useTheme();
  const { copy } = useCopying();
  return useMemo(() => {
    const command = (id: string, key: Key, run: () => void, hint?: string): Command => ({
      id,
      label: words.t(key),
      run,
      ...(hint ? { hint } : {}),
    });
    const entry = conversations.find(({ id }) => id === current);
    const here: Command[] = [];
    if (entry?.run_status && isActiveStatus(entry.run_status)) {
      here.push(command("stop", "composer.stop_label", () => void client.stop(entry.id), "Esc"));
    }
    if (entry) {
      here.push(command("find", "find.title", doing.find));
      here.push(
        command("first", "log.first", () => jumpTo({ conversation: entry.id, item: "", seq: 1, branch: "" })),
      );
      here.push(command("rename", "rename.title", () => doing.rename(entry)));
      here.push(command("copy", "copy.title", () => copy(entry.id)));
      here.push(command("delete", "palette.delete", () => doing.remove(entry)));
    }
    const other = language === "en" ? "zh" : "en";
    const everywhere = [
      command("new", "list.new", () => doing.go(null)),
      command("write", "help.focus", doing.focusComposer, "/"),
      command("search", "list.search", doing.search),
      command("search-texts", "search.title", () => doing.searchTexts("")),
      command("import", "import.title", doing.bringIn),
      command("schedules", "schedule.title", () => doing.page("schedules")),
      command("triggers", "trigger.title", () => doing.page("triggers")),
      command("notes", "note.title", () => doing.page("notes")),
      command("sidebar", "help.sidebar", doing.toggleSidebar),
      command("help", "account.shortcuts", doing.help, "?"),
      command("theme-light", "palette.light", () => setTheme("light")),
      command("theme-dark", "palette.dark", () => setTheme("dark")),
      { id: "language", label: other === "zh" ? "中文" : "English", run: () => setLanguage(other) },
      ...(boot.admin ? [command("admin", "account.admin", () => window.location.assign(ADMIN))] : []),
    ] satisfies Command[];
    const talks = conversations.map(
      (each): Command => ({
        id: each.id,
        label: each.title || words.t("list.untitled"),
        hint: words.fullDate(each.updated_at),
        run: () => doing.go(each.id),
      }),
    );
    return [...here, ...everywhere, ...talks.filter(({ id }) => id !== current)];
  }, [client, words, boot.admin, conversations, language, setLanguage, setTheme, current, doing, copy]);
}
