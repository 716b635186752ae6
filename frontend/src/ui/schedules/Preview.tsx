import { useEffect, useState } from "react";
import type { FieldProblems } from "../../sync";
import { useClient } from "../client";
import { useWords } from "../i18n";
import { type Fields, timesOf } from "./fields";
import { moment } from "./when";

/** Somebody who writes is asked about once they pause (ms). */
const PAUSE_MS = 350;

interface Props {
  fields: Fields;
  onProblems: (problems: FieldProblems) => void;
}

/** The next five times of what is being written, as the server counts them, by the clock of the chosen zone. */
export function Preview({ fields, onProblems }: Props) {
  const { schedules } = useClient();
  const words = useWords();
  const [times, setTimes] = useState<readonly number[]>([]);
  const asked = JSON.stringify(timesOf(fields));
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      schedules.preview(JSON.parse(asked)).then(
        (found) => {
          if (!current) return;
          setTimes(found.times);
          // A field that nobody has filled in yet is not wrong yet.
          const { at, ...rest } = found.fields;
          onProblems(at && JSON.parse(asked).at !== null ? { ...rest, at } : rest);
        },
        // The list below is only a help; saving says what is wrong.
        () => current && setTimes([]),
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [schedules, asked, onProblems]);
  return (
    <div className="rounded-xl bg-sunken px-3.5 py-2.5 text-[0.8125rem]" aria-live="polite">
      <p className="mb-1 font-medium text-ink-2">{words.t("schedule.next_times")}</p>
      {times.length === 0 ? (
        <p className="text-ink-3">{words.t("schedule.no_times")}</p>
      ) : (
        <ol className="grid gap-x-4 sm:grid-cols-2" data-testid="schedule-times">
          {times.map((at) => (
            <li key={at}>{moment(at, fields.zone, words, true)}</li>
          ))}
        </ol>
      )}
    </div>
  );
}
