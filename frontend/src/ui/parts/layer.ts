import { createContext, useContext } from "react";

/**
 * Where menus and hints are put. A modal `<dialog>` lies above everything else and makes the rest inert, so what is
 * opened from inside it has to be inside it too. Undefined: the page itself.
 */
export const LayerContext = createContext<HTMLElement | undefined>(undefined);

export function useLayer(): HTMLElement | undefined {
  return useContext(LayerContext);
}
