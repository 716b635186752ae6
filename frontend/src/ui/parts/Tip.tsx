import { Tooltip } from "radix-ui";
import type { ReactNode } from "react";
import { useLayer } from "./layer";

export const TipProvider = ({ children }: { children: ReactNode }) => (
  <Tooltip.Provider delayDuration={450} skipDelayDuration={200}>
    {children}
  </Tooltip.Provider>
);

/** A hint on hover and on focus. The trigger must be able to have the focus, and have a label of its own. */
export function Tip({
  text,
  children,
  side = "top",
}: {
  text: string;
  children: ReactNode;
  side?: "top" | "bottom" | "right";
}) {
  const layer = useLayer();
  return (
    <Tooltip.Root>
      <Tooltip.Trigger
        asChild
        // A dialog that opens gives its first button the focus; only who moves it by keyboard wants to be told.
        onFocus={(event) => {
          if (!event.currentTarget.matches(":focus-visible")) event.preventDefault();
        }}
      >
        {children}
      </Tooltip.Trigger>
      <Tooltip.Portal container={layer}>
        <Tooltip.Content className="tip" side={side} sideOffset={6} collisionPadding={8}>
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
