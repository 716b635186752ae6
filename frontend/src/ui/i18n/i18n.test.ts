import { expect, test } from "vitest";
import type { CallCode, CallStatus, FailureCode, Incomplete, LocalRefusal, RunCode } from "../../sync";
import { dictionaries, type Key, wordsOf } from ".";

// Held by the compiler: each code that the server may send has a text.
type Needed =
  | `code.${RunCode | "stopped"}`
  | `problem.${CallCode}`
  | `call.${CallStatus}`
  | `incomplete.${Incomplete}`
  | `reject.${FailureCode}`
  | `refused.${LocalRefusal}`
  // Entrances can be added to an installation; one without a text is shown by its name.
  | `entrance.${"web" | "feishu" | "schedule" | "trigger" | "api"}`;
const missing: [Exclude<Needed, Key>] extends [never] ? "none" : Exclude<Needed, Key> = "none";

test("every code of the server has a text", () => {
  expect(missing).toBe("none");
});

test("both languages have the same keys, none of them empty, with the same places to fill in", () => {
  const { en, zh } = dictionaries;
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();
  for (const key of Object.keys(en) as Key[]) {
    expect(zh[key].trim(), key).not.toBe("");
    expect(places(zh[key]), key).toEqual(places(en[key]));
  }
});

test("Chinese texts are Chinese", () => {
  const same = (Object.keys(dictionaries.en) as Key[]).filter(
    (key) => dictionaries.en[key] === dictionaries.zh[key],
  );
  expect(same).toEqual(["app.name"]);
});

test("places are filled in; a code that this page does not know is shown as it is", () => {
  const words = wordsOf("en");
  expect(words.t("net.trying", { n: 3 })).toBe("Trying now (attempt 3)");
  expect(words.code("code", "from_the_future", "?")).toBe("?");
  expect(words.code("reject", "runs_spent", "?")).toMatch(/after .*\d/);
});
