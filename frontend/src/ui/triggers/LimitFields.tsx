import { useWords } from "../i18n";
import { TextInput } from "./Inputs";
import type { KindProps } from "./KindFields";

/** How often it may fire, and until when. */
export function LimitFields({ fields, set, wrong }: KindProps) {
  const words = useWords();
  return (
    <fieldset className="min-w-0">
      <legend className="mb-2 text-sm font-semibold">{words.t("trigger.limits")}</legend>
      <div className="grid grid-cols-2 gap-4 md:grid-cols-4">
        <TextInput
          label={words.t("trigger.per_hour")}
          problem={wrong("per_hour")}
          type="number"
          value={fields.perHour}
          testid="trigger-per-hour"
          onChange={(perHour) => set({ perHour })}
        />
        <TextInput
          label={words.t("trigger.cooldown")}
          problem={wrong("cooldown_s")}
          type="number"
          value={fields.cooldown}
          testid="trigger-cooldown"
          onChange={(cooldown) => set({ cooldown })}
        />
        <TextInput
          label={words.t("trigger.max_fires")}
          problem={wrong("max_fires")}
          type="number"
          placeholder={words.t("trigger.no_limit")}
          value={fields.most}
          testid="trigger-max-fires"
          onChange={(most) => set({ most })}
        />
        <TextInput
          label={words.t("schedule.ends")}
          problem={wrong("expires_at")}
          type="datetime-local"
          value={fields.until}
          testid="trigger-until"
          onChange={(until) => set({ until })}
        />
      </div>
    </fieldset>
  );
}
