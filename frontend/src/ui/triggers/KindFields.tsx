import type { TriggerList } from "../../sync";
import { useList, useSetup } from "../client";
import { type Key, useWords } from "../i18n";
import type { Unit } from "../schedules/when";
import type { Fields } from "./fields";
import { Choice, TextInput, Ticks } from "./Inputs";

export interface KindProps {
  fields: Fields;
  set: (changes: Partial<Fields>) => void;
  wrong: (name: string) => string | null;
}

const MATCHES = ["any", "contains", "equals", "regex"] as const;
const SPEAKERS = ["person", "agent", "anyone"] as const;
const UNITS: readonly Unit[] = ["minutes", "hours", "days"];
const ENDS = ["finished", "failed", "stopped"] as const;

/** What a webhook needs: who sends, and how that is known to be true. */
export function WebhookFields({
  fields,
  set,
  wrong,
  senders,
  signed,
}: KindProps & { senders: TriggerList["senders"]; signed: boolean }) {
  const words = useWords();
  const header = senders.find(({ name }) => name === fields.sender)?.header ?? false;
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <Choice
          label={words.t("trigger.sender")}
          problem={wrong("sender")}
          value={fields.sender}
          testid="trigger-sender"
          onChange={(sender) => set({ sender })}
        >
          {senders.map(({ name, label }) => (
            <option key={name} value={name}>
              {words.code("trigger.sender", name, label)}
            </option>
          ))}
        </Choice>
        <TextInput
          label={words.t("trigger.secret")}
          hint={words.t(
            signed
              ? "trigger.secret_kept"
              : fields.sender === "basic"
                ? "trigger.secret_basic"
                : "trigger.secret_hint",
          )}
          problem={wrong("secret")}
          type="password"
          autoComplete="new-password"
          max={300}
          value={fields.secret}
          testid="trigger-secret"
          onChange={(secret) => set({ secret })}
        />
        {header && (
          <TextInput
            label={words.t("trigger.signature_header")}
            problem={wrong("signature_header")}
            max={60}
            value={fields.signatureHeader}
            testid="trigger-signature-header"
            onChange={(signatureHeader) => set({ signatureHeader })}
          />
        )}
        <TextInput
          label={words.t("trigger.delivery_header")}
          hint={words.t("trigger.delivery_header_hint")}
          problem={wrong("delivery_header")}
          max={60}
          value={fields.deliveryHeader}
          testid="trigger-delivery-header"
          onChange={(deliveryHeader) => set({ deliveryHeader })}
        />
      </div>
      {signed && (
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            className="size-4 flex-none accent-accent"
            checked={fields.unsigned}
            data-testid="trigger-unsigned"
            onChange={(event) => set({ unsigned: event.target.checked })}
          />
          {words.t("trigger.unsigned")}
        </label>
      )}
    </>
  );
}

/** Which address is looked at, and how often. */
export function PollFields({ fields, set, wrong }: KindProps) {
  const words = useWords();
  return (
    <div className="grid gap-4 sm:grid-cols-[1fr_auto]">
      <TextInput
        label={words.t("trigger.url")}
        problem={wrong("url")}
        type="url"
        max={2000}
        placeholder="https://example.com/status.json"
        value={fields.url}
        testid="trigger-url"
        onChange={(url) => set({ url })}
      />
      <div className="flex items-start gap-2">
        <TextInput
          label={words.t("schedule.every")}
          problem={wrong("interval_s")}
          type="number"
          value={fields.every}
          testid="trigger-every"
          onChange={(every) => set({ every })}
        />
        <Choice
          label={words.t("schedule.unit")}
          problem={null}
          value={fields.unit}
          onChange={(unit) => set({ unit })}
        >
          {UNITS.map((unit) => (
            <option key={unit} value={unit}>
              {words.t(`schedule.unit_${unit}` satisfies Key)}
            </option>
          ))}
        </Choice>
      </div>
    </div>
  );
}

/** Who speaks, or which runs; and in which conversations. */
export function WatchFields({
  fields,
  set,
  wrong,
  triggers,
  schedules,
}: KindProps & {
  triggers: readonly { id: string; name: string }[];
  schedules: readonly { id: string; name: string }[];
}) {
  const words = useWords();
  const { agents } = useSetup();
  const { conversations } = useList();
  const known = conversations.map(({ id, title }) => ({
    value: id,
    label: title || words.t("list.untitled"),
  }));
  const others = fields.watched.filter((id) => !conversations.some((each) => each.id === id));
  const options = [
    ...others.map((id) => ({ value: id, label: words.t("trigger.other_conversation") })),
    ...known,
  ];
  return (
    <>
      {fields.kind === "message" && (
        <Choice
          label={words.t("trigger.speaker")}
          problem={wrong("speaker")}
          value={fields.speaker}
          testid="trigger-speaker"
          onChange={(speaker) => set({ speaker })}
        >
          {SPEAKERS.map((each) => (
            <option key={each} value={each}>
              {words.t(`trigger.speaker_${each}` satisfies Key)}
            </option>
          ))}
        </Choice>
      )}
      {fields.kind === "run" && (
        <>
          <Ticks
            label={words.t("trigger.outcomes")}
            problem={wrong("outcomes")}
            options={ENDS.map((end) => ({ value: end, label: words.t(`run.${end}` satisfies Key) }))}
            value={fields.outcomes}
            testid="trigger-outcomes"
            onChange={(outcomes) => set({ outcomes })}
          />
          <div className="grid gap-4 sm:grid-cols-3">
            <Choice
              label={words.t("trigger.after_agent")}
              problem={wrong("after_agent")}
              value={fields.afterAgent}
              onChange={(afterAgent) => set({ afterAgent })}
            >
              <Named
                options={agents.map(({ slug, name }) => ({ id: slug, name }))}
                chosen={fields.afterAgent}
              />
            </Choice>
            <Choice
              label={words.t("trigger.after_trigger")}
              problem={wrong("after_trigger")}
              value={fields.afterTrigger}
              onChange={(afterTrigger) => set({ afterTrigger })}
            >
              <Named options={triggers} chosen={fields.afterTrigger} />
            </Choice>
            <Choice
              label={words.t("trigger.after_schedule")}
              problem={wrong("after_schedule")}
              value={fields.afterSchedule}
              onChange={(afterSchedule) => set({ afterSchedule })}
            >
              <Named options={schedules} chosen={fields.afterSchedule} />
            </Choice>
          </div>
        </>
      )}
      {options.length > 0 && (
        <Ticks
          label={words.t("trigger.watched")}
          hint={words.t("trigger.watched_hint")}
          problem={wrong("watched")}
          options={options}
          value={fields.watched}
          testid="trigger-watched"
          onChange={(watched) => set({ watched })}
        />
      )}
    </>
  );
}

function Named(props: { options: readonly { id: string; name: string }[]; chosen: string }) {
  const words = useWords();
  const { options, chosen } = props;
  return (
    <>
      <option value="">{words.t("trigger.any_of_them")}</option>
      {chosen !== "" && !options.some(({ id }) => id === chosen) && <option value={chosen}>{chosen}</option>}
      {options.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </>
  );
}

/** What of it is looked for. Runs are not looked into. */
export function MatchFields({ fields, set, wrong }: KindProps) {
  const words = useWords();
  const looks = fields.kind === "webhook" || fields.kind === "poll";
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Choice
        label={words.t("trigger.match")}
        problem={wrong("match")}
        value={fields.match}
        testid="trigger-match"
        onChange={(match) => set({ match })}
      >
        {MATCHES.map((each) => (
          <option key={each} value={each}>
            {words.t(`trigger.match_${each}` satisfies Key)}
          </option>
        ))}
      </Choice>
      {fields.match !== "any" && (
        <TextInput
          label={words.t("trigger.pattern")}
          hint={words.t(fields.match === "regex" ? "trigger.pattern_regex" : "trigger.pattern_hint")}
          problem={wrong("pattern")}
          max={300}
          value={fields.pattern}
          testid="trigger-pattern"
          onChange={(pattern) => set({ pattern })}
        />
      )}
      {looks && (
        <TextInput
          label={words.t("trigger.path")}
          hint={words.t("trigger.path_hint")}
          problem={wrong("path")}
          max={300}
          placeholder="$.build.status"
          value={fields.path}
          testid="trigger-path"
          onChange={(path) => set({ path })}
        />
      )}
    </div>
  );
}
