import { useCallback, useEffect, useSyncExternalStore } from "react";

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}

/** Wide enough for the list beside the conversation. */
export const WIDE = "(min-width: 768px)";

/**
 * Gives the page the height of what is really visible: on a phone the keyboard covers the bottom of the layout, and
 * the composer has to stand above it.
 */
export function useVisibleHeight(): void {
  useEffect(() => {
    const view = window.visualViewport;
    if (!view) return;
    const measure = () => {
      // Pinch zoom also changes the visible height; the layout must not follow that.
      if (view.scale > 1.01) return;
      document.documentElement.style.setProperty("--visible-height", `${view.height}px`);
    };
    measure();
    view.addEventListener("resize", measure);
    return () => view.removeEventListener("resize", measure);
  }, []);
}
