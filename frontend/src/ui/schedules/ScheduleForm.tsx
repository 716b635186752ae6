import { useCallback, useState } from "react";
import type { FieldProblems, ScheduleEntry, ScheduleList } from "../../sync";
import { useClient, useList, useSetup } from "../client";
import { type Key, useWords } from "../i18n";
import { SavedForm } from "../pages/SavedForm";
import { useKeptForm } from "../pages/useKeptForm";
import { useSaving } from "../pages/useSaving";
import { Labelled } from "../parts/Labelled";
import { changesOf, draftOf, emptyFields, type Fields, fieldsOf, TIMES } from "./fields";
import { Preview } from "./Preview";
import { TimeFields } from "./TimeFields";

interface Props {
  /** null: a new one. */
  entry: ScheduleEntry | null;
  leastS: number;
  destinations: ScheduleList["destinations"];
  onCancel: () => void;
  /** Hears the id of what was saved. */
  onSaved: (id: string) => void;
}

const MISSED = ["skip", "once", "all"] as const;

export function ScheduleForm({ entry: given, leastS, destinations, onCancel, onSaved }: Props) {
  const { schedules } = useClient();
  const { boot, agents } = useSetup();
  const { conversations } = useList();
  const words = useWords();
  // As it was when the form was opened: what is fetched since changes nothing under the writer's hands.
  const [entry] = useState(given);
  const [first] = useState(() => (entry ? fieldsOf(entry) : emptyFields(agents[0]?.slug ?? "")));
  const { fields, set, dirty, forget } = useKeptForm<Fields>(`schedule.${entry?.id ?? "new"}`, first);
  const saving = useSaving();
  const { problems, setProblems } = saving;
  // Made once per form: sent twice, it is still one schedule.
  const [id] = useState(() => schedules.newId());

  /** What is wrong with a field of the draft, in the reader's language where we have words for it. */
  const wrong = (...names: string[]): string | null => {
    const found = names.map((name) => problems[name]).find((problem) => problem !== undefined);
    if (!found) return null;
    const values = found.code === "bad_interval" || found.code === "too_often";
    return words
      .code("schedule.wrong", found.code, found.detail)
      .replace("{least}", values ? words.duration(leastS * 1000) : "");
  };

  /** The look ahead knows of times only: what saving has found wrong with other fields stands. */
  const timesWrong = useCallback(
    (found: FieldProblems) => {
      setProblems((before) => {
        const others = Object.entries(before).filter(
          ([name]) => !(TIMES as readonly string[]).includes(name),
        );
        return { ...Object.fromEntries(others), ...found };
      });
    },
    [setProblems],
  );

  const ask = async () => {
    if (entry === null) await schedules.create(id, draftOf(fields));
    else if (dirty) await schedules.change(entry.id, changesOf(first, fields));
    forget();
    onSaved(entry?.id ?? id);
  };

  const cancel = () => {
    forget();
    onCancel();
  };

  const home = entry?.conversation ?? null;
  const known = home === null || conversations.some((each) => each.id === home);
  return (
    <SavedForm
      kind="schedule"
      saving={saving}
      label={words.t(entry ? "schedule.save" : "schedule.create")}
      ask={ask}
      onCancel={cancel}
    >
      <Labelled
        label={words.t("schedule.prompt")}
        hint={words.t("schedule.prompt_hint")}
        problem={wrong("prompt")}
      >
        {(props) => (
          <textarea
            {...props}
            className="field min-h-24 resize-y"
            value={fields.prompt}
            maxLength={boot.max_text}
            required
            data-testid="schedule-prompt"
            onChange={(event) => set({ prompt: event.target.value })}
          />
        )}
      </Labelled>
      <div className="grid gap-4 sm:grid-cols-2">
        <Labelled label={words.t("schedule.name")} problem={wrong("name")}>
          {(props) => (
            <input
              {...props}
              className="field"
              value={fields.name}
              maxLength={100}
              placeholder={words.t("schedule.name_hint")}
              data-testid="schedule-name"
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Labelled>
        {agents.length > 1 && (
          <Labelled label={words.t("schedule.agent")} problem={wrong("agent")}>
            {(props) => (
              <select
                {...props}
                className="field"
                value={fields.agent}
                onChange={(event) => set({ agent: event.target.value })}
              >
                {fields.agent !== "" && !agents.some((agent) => agent.slug === fields.agent) && (
                  <option value={fields.agent}>{fields.agent}</option>
                )}
                {agents.map((agent) => (
                  <option key={agent.slug} value={agent.slug}>
                    {agent.name}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
        )}
      </div>
      <TimeFields fields={fields} set={set} wrong={wrong} />
      <Preview fields={fields} onProblems={timesWrong} />
      <div className="grid gap-4 sm:grid-cols-2">
        <Labelled label={words.t("schedule.place")} problem={wrong("conversation", "place")}>
          {(props) => (
            <select
              {...props}
              className="field"
              value={fields.place}
              data-testid="schedule-place"
              onChange={(event) => set({ place: event.target.value })}
            >
              <option value="new">{words.t("schedule.place_new")}</option>
              <option value="own">{words.t("schedule.place_own")}</option>
              {!known && home !== null && <option value={home}>{words.t("schedule.place_other")}</option>}
              {conversations.length > 0 && (
                <optgroup label={words.t("list.title")}>
                  {conversations.map((each) => (
                    <option key={each.id} value={each.id}>
                      {each.title || words.t("list.untitled")}
                    </option>
                  ))}
                </optgroup>
              )}
            </select>
          )}
        </Labelled>
        <Labelled label={words.t("schedule.missed")} problem={wrong("missed")}>
          {(props) => (
            <select
              {...props}
              className="field"
              value={fields.missed}
              data-testid="schedule-missed"
              onChange={(event) => set({ missed: event.target.value as Fields["missed"] })}
            >
              {MISSED.map((each) => (
                <option key={each} value={each}>
                  {words.t(`schedule.missed_${each}` satisfies Key)}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        {fields.missed === "all" && (
          <Labelled label={words.t("schedule.most")} problem={wrong("most")}>
            {(props) => (
              <input
                {...props}
                type="number"
                className="field"
                min={1}
                max={100}
                value={fields.most}
                onChange={(event) => set({ most: event.target.value })}
              />
            )}
          </Labelled>
        )}
        {(destinations.length > 0 || fields.to !== "") && (
          <Labelled label={words.t("schedule.deliver")} problem={wrong("delivery")}>
            {(props) => (
              <select
                {...props}
                className="field"
                value={fields.to}
                data-testid="schedule-deliver"
                onChange={(event) => set({ to: event.target.value })}
              >
                <option value="">{words.t("schedule.deliver_none")}</option>
                {fields.to !== "" && !destinations.some((to) => `${to.kind} ${to.address}` === fields.to) && (
                  <option value={fields.to}>{fields.to.split(" ")[1]}</option>
                )}
                {destinations.map((to) => (
                  <option key={`${to.kind} ${to.address}`} value={`${to.kind} ${to.address}`}>
                    {to.label}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
        )}
      </div>
    </SavedForm>
  );
}
