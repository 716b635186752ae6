import type { MouseEvent, ReactNode } from "react";
import { addressOf, addressOfPage, navigate, openPage, type Page } from "../route";

/** Whether a click asks for another tab or window, which is the browser's business. */
function wantsElsewhere(event: MouseEvent): boolean {
  return event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
}

/** A link to a page beside the conversations; followed without a load. */
export function PageLink(props: {
  to: Page;
  className?: string;
  children: ReactNode;
  label?: string;
  testid?: string;
  current?: boolean;
  onFollow?: () => void;
}) {
  const { to } = props;
  return (
    <a
      href={addressOfPage(to)}
      className={props.className}
      aria-label={props.label}
      aria-current={props.current ? "page" : undefined}
      data-testid={props.testid}
      onClick={(event) => {
        if (wantsElsewhere(event)) return;
        event.preventDefault();
        openPage(to.kind, to.id, { edit: to.edit });
        props.onFollow?.();
      }}
    >
      {props.children}
    </a>
  );
}

/** A link to a conversation. */
export function ConversationLink(props: {
  id: string;
  children: ReactNode;
  testid?: string;
  className?: string;
}) {
  return (
    <a
      className={props.className ?? "text-accent underline-offset-2 hover:underline"}
      href={addressOf(props.id)}
      data-testid={props.testid}
      onClick={(event) => {
        if (wantsElsewhere(event)) return;
        event.preventDefault();
        navigate(props.id);
      }}
    >
      {props.children}
    </a>
  );
}
