// The ports of a real browser.
import type { Ports } from "./ports";

/** The engine's view of this page. */
export function browserPorts(): Ports {
  throw new Error("not built yet");
}
