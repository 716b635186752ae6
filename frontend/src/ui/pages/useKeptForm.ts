// What somebody has written into a form and not yet saved survives a reload and a walk to another page of the same tab.
import { useCallback, useEffect, useMemo, useState } from "react";
import { useSetup } from "../client";

const BEGIN = "hf.form.";

/** What was written differently from what the form began with; secrets are left out. */
function differing<T extends object>(now: T, first: T, secret: readonly (keyof T)[]): Partial<T> {
  const changed = Object.entries(now).filter(
    ([name, value]) =>
      !secret.includes(name as keyof T) && JSON.stringify(value) !== JSON.stringify(first[name as keyof T]),
  );
  return Object.fromEntries(changed) as Partial<T>;
}

function read<T>(key: string): Partial<T> {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<T>;
  } catch {
    return {};
  }
}

/**
 * The fields of a form that began with `first`; `name` tells forms apart. `secret` names fields that are never kept. Returns
 * the fields, how to change some, whether any differs, and how to forget what was kept.
 */
export function useKeptForm<T extends object>(
  name: string,
  first: T,
  secret: readonly (keyof T)[] = [],
): { fields: T; set: (changes: Partial<T>) => void; dirty: boolean; forget: () => void } {
  const { boot } = useSetup();
  const key = `${BEGIN}${boot.user}.${name}`;
  const [fields, setFields] = useState<T>(() => ({ ...first, ...read<T>(key) }));
  const set = useCallback((changes: Partial<T>) => setFields((before) => ({ ...before, ...changes })), []);
  const dirty = JSON.stringify(fields) !== JSON.stringify(first);
  const kept = useMemo(() => JSON.stringify(differing(fields, first, secret)), [fields, first, secret]);
  useEffect(() => {
    try {
      if (kept === "{}") sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, kept);
    } catch {
      // No room or no storage: it holds until the page is left.
    }
  }, [key, kept]);
  const forget = useCallback(() => {
    try {
      sessionStorage.removeItem(key);
    } catch {
      // Then nothing was kept.
    }
  }, [key]);
  return { fields, set, dirty, forget };
}

/** Forget what anybody has written into forms of this tab; at log-out. */
export function forgetForms(): void {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(BEGIN)) sessionStorage.removeItem(key);
  } catch {
    // Then nothing was kept.
  }
}
