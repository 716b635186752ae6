import { useId, useMemo } from "react";
import { type Key, useWords } from "../i18n";
import { Labelled } from "../parts/Labelled";
import { REPEATS, type Repeat, toCron } from "./cron";
import type { Fields } from "./fields";
import { type Unit, weekday, zones } from "./when";

interface Props {
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
  wrong: (...names: string[]) => string | null;
}

const KINDS = ["cron", "interval", "once"] as const;
const UNITS: readonly Unit[] = ["minutes", "hours", "days"];

/** When it is due: a pattern of the calendar, an interval, or one time; and in which zone. */
export function TimeFields({ fields, set, wrong }: Props) {
  const words = useWords();
  const name = useId();
  return (
    <fieldset className="flex min-w-0 flex-col gap-3">
      <legend className="mb-1.5 text-xs font-medium text-ink-2">{words.t("schedule.when")}</legend>
      <div className="flex flex-wrap gap-1.5">
        {KINDS.map((kind) => (
          <label
            key={kind}
            className={`button small cursor-pointer has-focus-visible:outline-2 has-focus-visible:outline-accent ${
              fields.kind === kind ? "border-accent! bg-accent-soft! text-accent" : ""
            }`}
          >
            <input
              type="radio"
              name={name}
              className="sr-only"
              checked={fields.kind === kind}
              data-testid={`schedule-kind-${kind}`}
              onChange={() => set({ kind })}
            />
            {words.t(`schedule.kind_${kind}` satisfies Key)}
          </label>
        ))}
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        {fields.kind === "cron" && <CronFields fields={fields} set={set} wrong={wrong} />}
        {fields.kind === "interval" && <IntervalFields fields={fields} set={set} wrong={wrong} />}
        {fields.kind !== "cron" && (
          <Labelled
            label={words.t(fields.kind === "once" ? "schedule.at" : "schedule.from")}
            problem={wrong("at")}
          >
            {(props) => (
              <input
                {...props}
                type="datetime-local"
                className="field"
                value={fields.at}
                data-testid="schedule-at"
                onChange={(event) => set({ at: event.target.value })}
              />
            )}
          </Labelled>
        )}
        <Zone fields={fields} set={set} wrong={wrong} />
        {fields.kind !== "once" && (
          <Labelled label={words.t("schedule.ends")} problem={wrong("ends_at")}>
            {(props) => (
              <input
                {...props}
                type="datetime-local"
                className="field"
                value={fields.ends}
                onChange={(event) => set({ ends: event.target.value })}
              />
            )}
          </Labelled>
        )}
      </div>
    </fieldset>
  );
}

function CronFields({ fields, set, wrong }: Props) {
  const words = useWords();
  const { pattern } = fields;
  const choose = (repeat: Repeat) =>
    // What was chosen before is where somebody who wants to write it themselves begins.
    set({ pattern: { ...pattern, repeat, custom: repeat === "custom" ? toCron(pattern) : pattern.custom } });
  const wrongCron = wrong("cron");
  return (
    <>
      <Labelled label={words.t("schedule.repeat")} problem={pattern.repeat === "custom" ? null : wrongCron}>
        {(props) => (
          <select
            {...props}
            className="field"
            value={pattern.repeat}
            data-testid="schedule-repeat"
            onChange={(event) => choose(event.target.value as Repeat)}
          >
            {REPEATS.map((repeat) => (
              <option key={repeat} value={repeat}>
                {words.t(`schedule.repeat_${repeat}` satisfies Key)}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      {pattern.repeat === "custom" ? (
        <Labelled label={words.t("schedule.cron")} hint={words.t("schedule.cron_hint")} problem={wrongCron}>
          {(props) => (
            <input
              {...props}
              className="field font-mono"
              value={pattern.custom}
              maxLength={200}
              spellCheck={false}
              autoCapitalize="off"
              data-testid="schedule-cron"
              onChange={(event) => set({ pattern: { ...pattern, custom: event.target.value } })}
            />
          )}
        </Labelled>
      ) : pattern.repeat === "hourly" ? (
        <Labelled label={words.t("schedule.minute")} problem={null}>
          {(props) => (
            <input
              {...props}
              type="number"
              min={0}
              max={59}
              className="field"
              value={Number(pattern.time.slice(3))}
              onChange={(event) => {
                const minute = Math.min(59, Math.max(0, Math.round(Number(event.target.value))));
                const time = `${pattern.time.slice(0, 3)}${String(minute).padStart(2, "0")}`;
                set({ pattern: { ...pattern, time } });
              }}
            />
          )}
        </Labelled>
      ) : (
        <Labelled label={words.t("schedule.time")} problem={null}>
          {(props) => (
            <input
              {...props}
              type="time"
              className="field"
              value={pattern.time}
              data-testid="schedule-time"
              onChange={(event) =>
                event.target.value && set({ pattern: { ...pattern, time: event.target.value.slice(0, 5) } })
              }
            />
          )}
        </Labelled>
      )}
      {pattern.repeat === "weekly" && (
        <Labelled label={words.t("schedule.weekday")} problem={null}>
          {(props) => (
            <select
              {...props}
              className="field"
              value={pattern.weekday}
              onChange={(event) => set({ pattern: { ...pattern, weekday: Number(event.target.value) } })}
            >
              {[1, 2, 3, 4, 5, 6, 0].map((day) => (
                <option key={day} value={day}>
                  {weekday(day, words)}
                </option>
              ))}
            </select>
          )}
        </Labelled>
      )}
      {pattern.repeat === "monthly" && (
        <Labelled
          label={words.t("schedule.day")}
          problem={null}
          {...(pattern.day > 28 ? { hint: words.t("schedule.day_hint", { day: pattern.day }) } : {})}
        >
          {(props) => (
            <select
              {...props}
              className="field"
              value={pattern.day}
              onChange={(event) => set({ pattern: { ...pattern, day: Number(event.target.value) } })}
            >
              {Array.from({ length: 31 }, (_, index) => index + 1).map((day) => (
                <option key={day} value={day}>
                  {day}
                </option>
              ))}
            </select>
          )}
        </Labelled>
      )}
    </>
  );
}

function IntervalFields({ fields, set, wrong }: Props) {
  const words = useWords();
  return (
    <Labelled label={words.t("schedule.every")} problem={wrong("every_s")}>
      {(props) => (
        <div className="flex gap-2">
          <input
            {...props}
            type="number"
            min={1}
            className="field"
            value={fields.every}
            data-testid="schedule-every"
            onChange={(event) => set({ every: event.target.value })}
          />
          <select
            className="field"
            aria-label={words.t("schedule.unit")}
            value={fields.unit}
            data-testid="schedule-unit"
            onChange={(event) => set({ unit: event.target.value as Unit })}
          >
            {UNITS.map((unit) => (
              <option key={unit} value={unit}>
                {words.t(`schedule.unit_${unit}` satisfies Key)}
              </option>
            ))}
          </select>
        </div>
      )}
    </Labelled>
  );
}

function Zone({ fields, set, wrong }: Props) {
  const words = useWords();
  const id = useId();
  const known = useMemo(zones, []);
  return (
    <Labelled label={words.t("schedule.zone")} problem={wrong("zone")}>
      {(props) => (
        <>
          <input
            {...props}
            className="field"
            list={id}
            value={fields.zone}
            maxLength={64}
            spellCheck={false}
            data-testid="schedule-zone"
            onChange={(event) => set({ zone: event.target.value })}
          />
          <datalist id={id}>
            {known.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Labelled>
  );
}
