import { ChevronsUpDown, Keyboard, KeyRound, LogOut, Settings, Webhook } from "lucide-react";
import { useRef } from "react";
import { ADMIN, LOG_OUT, PASSWORD, TOKENS } from "./addresses";
import { permission } from "./callback";
import { useClient, useSetup } from "./client";
import { useLanguage, useWords } from "./i18n";
import { forgetForms } from "./pages/useKeptForm";
import { Menu, MenuChoices, MenuItem, MenuLabel, MenuLine } from "./parts/Menu";
import { useTheme } from "./theme";
import { useNotify } from "./useCallBack";

/** Who is signed in, and what they may set. */
export function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const client = useClient();
  const { boot } = useSetup();
  const words = useWords();
  const [language, setLanguage] = useLanguage();
  const [theme, setTheme] = useTheme();
  const [notify, setNotify] = useNotify();
  const form = useRef<HTMLFormElement>(null);
  const leave = () => {
    client.drafts.clear();
    client.places.clear();
    forgetForms();
  };
  const letter = (Array.from(boot.user)[0] ?? "?").toUpperCase();
  return (
    <>
      <Menu
        side="top"
        align="start"
        trigger={
          <button
            type="button"
            className="flex w-full items-center gap-2.5 rounded-lg px-2 py-1.5 text-left text-sm hover:bg-hover"
            data-testid="account-menu"
          >
            <span
              className="grid size-7 flex-none place-items-center rounded-full bg-accent-soft text-xs font-semibold text-accent"
              aria-hidden="true"
            >
              {letter}
            </span>
            <span className="min-w-0 flex-1 truncate font-medium">
              {boot.user}
              <span className="sr-only">: {words.t("account.menu")}</span>
            </span>
            <ChevronsUpDown size={15} className="flex-none text-ink-3" aria-hidden="true" />
          </button>
        }
      >
        <MenuLabel>
          {words.t("account.signed_in")} <span className="font-medium text-ink">{boot.user}</span>
        </MenuLabel>
        <MenuLine />
        <MenuChoices
          label={words.t("account.language")}
          value={language}
          stay
          onChoose={setLanguage}
          choices={[
            { value: "en", label: "English", testid: "language-en" },
            { value: "zh", label: "中文", testid: "language-zh" },
          ]}
        />
        <MenuLine />
        <MenuChoices
          label={words.t("account.theme")}
          value={theme}
          stay
          onChoose={setTheme}
          choices={[
            { value: "system", label: words.t("account.theme_system"), testid: "theme-system" },
            { value: "light", label: words.t("account.theme_light"), testid: "theme-light" },
            { value: "dark", label: words.t("account.theme_dark"), testid: "theme-dark" },
          ]}
        />
        {permission() !== "unsupported" && (
          <>
            <MenuLine />
            <MenuChoices
              label={words.t("notify.title")}
              value={notify}
              stay
              onChoose={setNotify}
              choices={[
                { value: "on", label: words.t("notify.on"), testid: "notify-on" },
                {
                  value: "off",
                  label: words.t("notify.off"),
                  testid: "notify-off",
                  ...(permission() === "denied" ? { hint: words.t("notify.denied") } : {}),
                },
              ]}
            />
          </>
        )}
        <MenuLine />
        <MenuItem icon={<Keyboard size={16} />} testid="shortcuts" onSelect={onHelp}>
          {words.t("account.shortcuts")}
        </MenuItem>
        {boot.admin && (
          <MenuItem icon={<Settings size={16} />} href={ADMIN}>
            {words.t("account.admin")}
          </MenuItem>
        )}
        <MenuItem icon={<KeyRound size={16} />} href={PASSWORD}>
          {words.t("account.password")}
        </MenuItem>
        <MenuItem icon={<Webhook size={16} />} href={TOKENS}>
          {words.t("account.tokens")}
        </MenuItem>
        <MenuItem icon={<LogOut size={16} />} testid="log-out" onSelect={() => form.current?.requestSubmit()}>
          {words.t("account.log_out")}
        </MenuItem>
      </Menu>
      {/* Logging out changes something, so it is a POST with the CSRF token. */}
      <form ref={form} method="post" action={LOG_OUT} hidden onSubmit={leave}>
        <input type="hidden" name="csrfmiddlewaretoken" value={boot.csrf} />
      </form>
    </>
  );
}
