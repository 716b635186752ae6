import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createClient } from "./sync";
import { browserPorts } from "./sync/browser";
import { App } from "./ui/App";
import { PREFIX } from "./ui/addresses";
import { preloadMarkdown } from "./ui/parts/LazyMarkdown";
import { addressesConversation } from "./ui/route";
import { startTheme } from "./ui/theme";
import "./ui/styles/app.css";

startTheme();
// Of a conversation the first answer should find it there; a new one begins without.
if (addressesConversation()) preloadMarkdown();

const client = createClient(browserPorts("/ws", PREFIX));
client.start();

const root = document.getElementById("root");
if (!root) throw new Error('The page has no <div id="root">.');
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
);
