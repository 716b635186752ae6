import type { Item } from "../../sync";
import { type FakeClient, message, NO_USAGE, run, step } from "./fake";
import { LONG, MARKDOWN } from "./texts";

/** A message gets an answer, word by word: to see how the page moves. */
export function answerBack(client: FakeClient): void {
  let seq = 10_000;
  client.onSend = (id, sent) => {
    const cell = client.conversation(id);
    setTimeout(() => {
      seq += 1;
      const asked = message(seq, sent.text, { id: sent.id, at: sent.at });
      cell.update((view) => ({
        phase: "live",
        synced: true,
        info: view.info ?? {
          title: sent.text.slice(0, 40),
          agent: "demo",
          created_at: Date.now(),
          usage: NO_USAGE,
        },
        items: [...view.items, asked],
        pending: view.pending.filter((each) => each.id !== sent.id),
        run: run("running", { id: `run-${seq}`, cause: sent.id, started_at: Date.now() }),
      }));
      stream(client, id, ++seq);
    }, 500);
  };
}

function stream(client: FakeClient, id: string, seq: number): void {
  const cell = client.conversation(id);
  const text = `${MARKDOWN}\n\n${LONG}`;
  let shown = 0;
  const put = (items: readonly Item[], next: Item) => [...items.filter((each) => each.id !== next.id), next];
  const timer = setInterval(() => {
    shown += 14;
    const over = shown >= text.length || cell.getSnapshot().stopping;
    const next = step(seq, text.slice(0, shown), {
      run: `run-${seq - 1}`,
      status: over ? "finished" : "streaming",
      at: Date.now(),
    });
    cell.update((view) => ({
      items: put(view.items, next),
      run: over && view.run ? { ...view.run, status: "finished" } : view.run,
      stopping: false,
    }));
    if (over) clearInterval(timer);
  }, 40);
}
