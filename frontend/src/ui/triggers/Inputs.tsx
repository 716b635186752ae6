import type { ReactNode } from "react";
import { Labelled } from "../parts/Labelled";

interface Common {
  label: string;
  hint?: string | undefined;
  problem: string | null;
  testid?: string;
}

function labelOf({ label, hint, problem }: Common) {
  return { label, problem, ...(hint ? { hint } : {}) };
}

/** A line of text with its label, its hint, and what is wrong with it. */
export function TextInput(
  props: Common & {
    value: string;
    onChange: (value: string) => void;
    type?: string;
    max?: number;
    placeholder?: string;
    autoComplete?: string;
  },
) {
  return (
    <Labelled {...labelOf(props)}>
      {(field) => (
        <input
          {...field}
          type={props.type ?? "text"}
          className="field"
          value={props.value}
          maxLength={props.max}
          placeholder={props.placeholder}
          autoComplete={props.autoComplete ?? "off"}
          data-testid={props.testid}
          onChange={(event) => props.onChange(event.target.value)}
        />
      )}
    </Labelled>
  );
}

/** One of several. */
export function Choice<T extends string>(
  props: Common & { value: T; onChange: (value: T) => void; children: ReactNode },
) {
  return (
    <Labelled {...labelOf(props)}>
      {(field) => (
        <select
          {...field}
          className="field"
          value={props.value}
          data-testid={props.testid}
          onChange={(event) => props.onChange(event.target.value as T)}
        >
          {props.children}
        </select>
      )}
    </Labelled>
  );
}

/** Any of several, as boxes to tick. */
export function Ticks<T extends string>(props: {
  label: string;
  hint?: string;
  problem: string | null;
  options: readonly { value: T; label: string }[];
  value: readonly T[];
  onChange: (value: readonly T[]) => void;
  testid: string;
}) {
  const told = props.problem ?? props.hint;
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1 text-xs font-medium text-ink-2">{props.label}</legend>
      <div
        className="max-h-48 overflow-y-auto rounded-xl border border-line px-3 py-1.5"
        data-testid={props.testid}
      >
        {props.options.map(({ value, label }) => (
          <label key={value} className="flex items-center gap-2 py-1 text-sm">
            <input
              type="checkbox"
              className="size-4 flex-none accent-accent"
              checked={props.value.includes(value)}
              value={value}
              onChange={(event) =>
                props.onChange(
                  event.target.checked
                    ? [...props.value, value]
                    : props.value.filter((each) => each !== value),
                )
              }
            />
            <span className="min-w-0 truncate">{label}</span>
          </label>
        ))}
      </div>
      {told && <p className={`mt-1 text-xs ${props.problem ? "text-danger" : "text-ink-3"}`}>{told}</p>}
    </fieldset>
  );
}
