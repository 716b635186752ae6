import { createContext, type ReactNode, useContext, useRef, useState } from "react";

/**
 * Small view state (an open card, a loaded result) that outlives its row: a virtual list unmounts what is scrolled
 * away. It lives as long as the conversation is shown and is never stored.
 */
const KeptContext = createContext<Map<string, unknown> | null>(null);

export function KeptProvider({ children }: { children: ReactNode }) {
  const map = useRef(new Map<string, unknown>());
  return <KeptContext value={map.current}>{children}</KeptContext>;
}

export function useKept<T>(key: string, initial: T): [T, (value: T) => void] {
  const map = useContext(KeptContext);
  const [value, set] = useState<T>(() => (map?.has(key) ? (map.get(key) as T) : initial));
  return [
    value,
    (next) => {
      map?.set(key, next);
      set(next);
    },
  ];
}
