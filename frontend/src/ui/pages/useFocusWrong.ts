import { type RefObject, useEffect } from "react";

/** Leads to the first field that is wrong, each time that a form was refused; `refusals` counts them. */
export function useFocusWrong(form: RefObject<HTMLFormElement | null>, refusals: number): void {
  useEffect(() => {
    if (refusals > 0) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [form, refusals]);
}
