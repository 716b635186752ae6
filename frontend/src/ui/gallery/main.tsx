import { createRoot } from "react-dom/client";
import { App } from "../App";
import type { Language } from "../i18n";
import "../i18n/all";
import { preloadMarkdown } from "../parts/LazyMarkdown";
import { startTheme } from "../theme";
import { answerBack } from "./answering";
import { FakeClient } from "./fake";
import { play, scenes } from "./scenes";
import "../styles/app.css";

/*
 * To look at the interface without a server: `npm run gallery`, then /?scene=full&lang=zh&theme=dark .
 * Not part of the build that is served.
 */
const asked = new URLSearchParams(window.location.search);
const scene = asked.get("scene") ?? "full";
const theme = asked.get("theme");
if (theme) localStorage.setItem("hf.theme", theme);
startTheme();
preloadMarkdown();

const client = new FakeClient();
const id = play(client, scene);
answerBack(client);
if (scene === "bootfail") {
  client.boot.set({
    status: "failed",
    problem: { code: "server", status: 503, detail: "", retry: true },
    retryAt: Date.now() + 5000,
  });
}
window.history.replaceState(null, "", id === null ? "/" : `/c/${id}`);
console.info(`Scenes: ${Object.keys(scenes).join(", ")}`);

const root = document.getElementById("root");
if (root) createRoot(root).render(<App client={client} language={(asked.get("lang") as Language) ?? "en"} />);
