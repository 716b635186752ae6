import { type MouseEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { LayerContext } from "./layer";

interface Props {
  title: string;
  children: ReactNode;
  onClose: () => void;
  className?: string;
  /** Show the title to screen readers only. */
  hideTitle?: boolean;
  testid?: string;
}

/**
 * A modal dialog on the browser's own `<dialog>`: it traps the focus, makes the rest inert and closes on Escape, and
 * it needs no injected style, which a strict CSP would refuse. Mounted means open.
 */
export function Dialog({ title, children, onClose, className = "dialog", hideTitle = false, testid }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const [layer, setLayer] = useState<HTMLElement>();
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    setLayer(dialog ?? undefined);
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const closeOutside = (event: MouseEvent) => {
    if (event.target === ref.current) onClose();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a <dialog>; the click is only for the backdrop.
    <dialog
      ref={ref}
      className={className}
      aria-labelledby={id}
      data-testid={testid}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={closeOutside}
    >
      <h2 id={id} className={hideTitle ? "sr-only" : "mb-3 text-base font-semibold"}>
        {title}
      </h2>
      <LayerContext value={layer}>{children}</LayerContext>
    </dialog>
  );
}
