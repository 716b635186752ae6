import { type ReactNode, useId } from "react";

interface FieldProps {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface Props {
  label: string;
  hint?: string;
  problem: string | null;
  className?: string;
  children: (props: FieldProps) => ReactNode;
}

/** A field with its label above it and, below, what is wrong with it or how to fill it in. */
export function Labelled({ label, hint, problem, className = "", children }: Props) {
  const id = useId();
  const told = problem ?? hint;
  const describedBy = told ? `${id}-told` : undefined;
  return (
    <div className={`min-w-0 ${className}`}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-ink-2">
        {label}
      </label>
      {children({ id, "aria-invalid": problem !== null, "aria-describedby": describedBy })}
      {told && (
        <p id={describedBy} className={`mt-1 text-xs ${problem ? "text-danger" : "text-ink-3"}`}>
          {told}
        </p>
      )}
    </div>
  );
}
