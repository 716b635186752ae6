import { useSyncExternalStore } from "react";
import { preference } from "./preferences";

export type Theme = "system" | "light" | "dark";

const listeners = new Set<() => void>();
const night = () => window.matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme | null = null;

function isTheme(value: string | null): value is Theme {
  return value === "system" || value === "light" || value === "dark";
}

function current(): Theme {
  if (chosen === null) {
    const kept = preference.read("theme");
    chosen = isTheme(kept) ? kept : "system";
  }
  return chosen;
}

function paint(): void {
  const theme = current();
  const dark = theme === "dark" || (theme === "system" && night().matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const bar = document.querySelector<HTMLMetaElement>('meta[name="theme-color"]');
  if (bar) bar.content = dark ? "#171817" : "#ffffff";
}

/** Paints the theme and follows the system from now on. Call once, before the first render. */
export function startTheme(): void {
  paint();
  night().addEventListener("change", paint);
}

function setTheme(theme: Theme): void {
  chosen = theme;
  preference.write("theme", theme);
  paint();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(subscribe, current), setTheme];
}
