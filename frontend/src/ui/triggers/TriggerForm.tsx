import { useState } from "react";
import type { ScheduleEntry, TriggerEntry, TriggerList } from "../../sync";
import { useClient, useList, useSetup } from "../client";
import { type Key, useWords } from "../i18n";
import { SavedForm } from "../pages/SavedForm";
import { useKeptForm } from "../pages/useKeptForm";
import { useSaving } from "../pages/useSaving";
import { Labelled } from "../parts/Labelled";
import { changesOf, draftOf, emptyFields, type Fields, fieldsOf, SECRET } from "./fields";
import { Choice, TextInput } from "./Inputs";
import { MatchFields, PollFields, WatchFields, WebhookFields } from "./KindFields";
import { LimitFields } from "./LimitFields";

interface Props {
  /** null: a new one. */
  entry: TriggerEntry | null;
  list: TriggerList;
  schedules: readonly ScheduleEntry[];
  onCancel: () => void;
  onSaved: (saved: TriggerEntry) => void;
}

const KINDS = ["webhook", "poll", "message", "run"] as const;

export function TriggerForm({ entry: given, list, schedules, onCancel, onSaved }: Props) {
  const { triggers } = useClient();
  const { boot, agents } = useSetup();
  const { conversations } = useList();
  const words = useWords();
  // As it was when the form was opened: what is fetched since changes nothing under the writer's hands.
  const [entry] = useState(given);
  const [first] = useState(() => (entry ? fieldsOf(entry) : emptyFields(agents[0]?.slug ?? "")));
  const { fields, set, forget } = useKeptForm<Fields>(`trigger.${entry?.id ?? "new"}`, first, SECRET);
  const saving = useSaving();
  // Made once per form: sent twice, it is still one trigger.
  const [id] = useState(() => triggers.newId());
  const wrong = (name: string): string | null => saving.problems[name]?.detail ?? null;

  const ask = async () => {
    const saved =
      entry === null
        ? await triggers.create(id, draftOf(fields))
        : await triggers.change(entry.id, changesOf(first, fields));
    forget();
    onSaved(saved);
  };

  const home = entry?.conversation ?? null;
  const known = home === null || conversations.some((each) => each.id === home);
  const kinds = { fields, set, wrong };
  return (
    <SavedForm
      kind="trigger"
      saving={saving}
      label={words.t(entry ? "schedule.save" : "schedule.create")}
      ask={ask}
      onCancel={() => {
        forget();
        onCancel();
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <TextInput
          label={words.t("schedule.name")}
          problem={wrong("name")}
          max={100}
          value={fields.name}
          testid="trigger-name"
          onChange={(name) => set({ name })}
        />
        <Choice
          label={words.t("trigger.kind")}
          problem={wrong("kind")}
          value={fields.kind}
          testid="trigger-kind"
          onChange={(kind) => set({ kind })}
        >
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {words.t(`trigger.kind_${kind}` satisfies Key)}
            </option>
          ))}
        </Choice>
      </div>
      <p className="-mt-2 text-xs text-ink-2">{words.t(`trigger.about_${fields.kind}` satisfies Key)}</p>
      {fields.kind === "webhook" && (
        <WebhookFields {...kinds} senders={list.senders} signed={entry?.signed ?? false} />
      )}
      {fields.kind === "poll" && <PollFields {...kinds} />}
      {(fields.kind === "message" || fields.kind === "run") && (
        <WatchFields
          {...kinds}
          triggers={list.triggers.filter((each) => each.id !== entry?.id)}
          schedules={schedules}
        />
      )}
      {fields.kind !== "run" && <MatchFields {...kinds} />}
      <Labelled
        label={words.t("schedule.prompt")}
        hint={words.t(`trigger.prompt_${fields.kind}` satisfies Key)}
        problem={wrong("prompt")}
      >
        {(props) => (
          <textarea
            {...props}
            className="field min-h-28 resize-y"
            value={fields.prompt}
            maxLength={Math.min(boot.max_text, 20_000)}
            data-testid="trigger-prompt"
            onChange={(event) => set({ prompt: event.target.value })}
          />
        )}
      </Labelled>
      <div className="grid gap-4 sm:grid-cols-2">
        <Choice
          label={words.t("schedule.place")}
          problem={wrong("conversation")}
          value={fields.place}
          testid="trigger-place"
          onChange={(place) => set({ place })}
        >
          <option value="new">{words.t("schedule.place_new")}</option>
          {!known && home !== null && <option value={home}>{words.t("schedule.place_other")}</option>}
          {conversations.map((each) => (
            <option key={each.id} value={each.id}>
              {each.title || words.t("list.untitled")}
            </option>
          ))}
        </Choice>
        {fields.place === "new" && agents.length > 0 && (
          <Choice
            label={words.t("schedule.agent")}
            problem={wrong("agent")}
            value={fields.agent}
            testid="trigger-agent"
            onChange={(agent) => set({ agent })}
          >
            {!agents.some(({ slug }) => slug === fields.agent) && (
              <option value={fields.agent}>{fields.agent || words.t("trigger.default_agent")}</option>
            )}
            {agents.map(({ slug, name }) => (
              <option key={slug} value={slug}>
                {name}
              </option>
            ))}
          </Choice>
        )}
      </div>
      <LimitFields {...kinds} />
    </SavedForm>
  );
}
