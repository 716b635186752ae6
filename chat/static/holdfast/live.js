// The states of conversations on the admin's pages, as they are now: asked for every few seconds while somebody looks,
// all of a page in one request. Without scripts they are those of the moment at which the page was made.
"use strict";
{
  const EVERY_MS = 4_000;
  const shown = [...document.querySelectorAll("[data-hf-live]")];
  const where = shown[0]?.dataset.hfLiveAt;

  const mark = ([state, words]) => {
    const made = document.createElement("span");
    made.className = `hf-status hf-is-${state}`;
    made.textContent = words;
    return made;
  };

  const ask = async () => {
    if (document.visibilityState !== "visible") return;
    const ids = shown.map((one) => one.dataset.hfLive).join(",");
    const answer = await fetch(`${where}?ids=${ids}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const states = await answer.json();
    for (const one of shown) {
      const marks = states[one.dataset.hfLive] ?? [];
      const told = JSON.stringify(marks);
      // What is as it was stays in place: somebody may be reading or marking it.
      if (one.dataset.hfTold === told) continue;
      one.dataset.hfTold = told;
      one.replaceChildren(...(marks.length ? marks.flatMap((each) => [mark(each), " "]) : ["–"]));
    }
  };

  // A server or a network that is away for a while is asked again like any other time.
  const again = () => setTimeout(() => ask().catch(() => undefined).finally(again), EVERY_MS);
  if (where) {
    again();
    document.addEventListener("visibilitychange", () => ask().catch(() => undefined));
  }
}
