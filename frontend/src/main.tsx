import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "./sync";
import { browserPorts } from "./sync/browser";
import { App } from "./ui/App";
import { PREFIX } from "./ui/addresses";
import { firstLanguage, loadLanguage } from "./ui/i18n";
import { preloadMarkdown } from "./ui/parts/LazyMarkdown";
import { addressesConversation } from "./ui/route";
import { startTheme } from "./ui/theme";
import "./ui/styles/app.css";

startTheme();
// Of a conversation the first answer should find it there; a new one begins without.
if (addressesConversation()) preloadMarkdown();

const root = document.getElementById("root");
if (!root) throw new Error('The page has no <div id="root">.');

const client = createClient(browserPorts("/ws", PREFIX, root.dataset.hello));
client.start();

const show = (): void =>
  createRoot(root).render(
    <StrictMode>
      <App client={client} />
    </StrictMode>,
  );

/** Without any text of the page's own: it may be of before an upgrade, or the link was lost a moment ago. */
const showWithoutTexts = (): void => {
  const again = document.createElement("a");
  again.href = window.location.href;
  again.textContent = "This page could not be loaded. Load it again. · 页面无法加载，请重新加载。";
  const main = document.createElement("main");
  main.className = "app-frame grid place-items-center px-6 text-center";
  main.append(again);
  root.replaceChildren(main);
};

loadLanguage(firstLanguage()).then(show, showWithoutTexts);
