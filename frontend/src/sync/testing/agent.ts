// A run as a worker would write it, one event at a time: whatever stands open is taken one step further.
import type { CallView, StepItem } from "../protocol.gen";
import type { ModelServer } from "./server";

/** Do the next thing in the conversation; `choice` (any integer) decides which, where there are several. */
export function advance(server: ModelServer, id: string, choice: number): void {
  const { state, seq } = server.room(id);
  const { run } = state;
  if (run === null || run.ended_at !== null) {
    const cause = state.items.findLast((item) => item.kind === "message")?.id ?? "nobody";
    server.append(id, { type: "run.queued", run: `run${seq}`, cause });
    return;
  }
  const at = { run: run.id };
  const step = state.items.findLast((item): item is StepItem => item.kind === "step" && item.run === run.id);
  if (run.status !== "running") {
    const attempt = run.attempt + 1;
    server.append(id, { type: "run.started", ...at, attempt, fence: attempt, worker: "w" });
  } else if (step?.status === "streaming") streaming(server, id, step, choice);
  else if (step?.calls.some(open)) calling(server, id, step, choice);
  else if (step !== undefined && choice % 4 === 0) {
    const end = (["run.finished", "run.failed", "run.stopped"] as const)[choice % 3] ?? "run.finished";
    if (end === "run.finished") server.append(id, { type: end, ...at, limit: null, detail: "" });
    else if (end === "run.failed") server.append(id, { type: end, ...at, code: "model_busy", detail: "d" });
    else server.append(id, { type: end, ...at, by: "ada" });
  } else {
    const started = { ...at, step: `${run.id}.${seq}`, attempt: 1, model: "m", request: null, agent: "" };
    server.append(id, { type: "step.started", ...started });
  }
}

function streaming(server: ModelServer, id: string, step: StepItem, choice: number): void {
  const text = server.room(id).part?.text ?? "";
  const at = { run: step.run, step: step.id };
  switch (choice % 9) {
    case 0:
      server.append(id, { type: "step.discarded", ...at, reason: "" });
      break;
    case 1:
      // Its worker died; the next owner asks the model again.
      server.append(id, { type: "run.recovering", run: step.run, reason: "lease_lost", crowd: 0 });
      server.append(id, { type: "run.started", run: step.run, attempt: 2, fence: 2, worker: "v" });
      server.append(id, {
        type: "step.started",
        ...at,
        attempt: step.attempt + 1,
        model: "m",
        request: null,
        agent: "",
      });
      break;
    case 2:
      server.append(id, { type: "step.stopped", ...at, text, reasoning: "", first_at: null });
      break;
    case 3:
    case 4: {
      const calls = Array.from({ length: choice % 3 }, (_, ordinal) => ({
        call: `${step.id}-${ordinal}`,
        ordinal,
        name: "tool",
        arguments: "{}",
        provider_id: "p",
        effect: "effectful" as const,
        problem: null,
      }));
      const usage = { input: 1, output: 2, cached: 0, cost: null };
      const kept = { reasoning: `why ${text}`, incomplete: null, issuer: "", replay: null };
      const finish = { text, calls, usage, finish: "stop", first_at: null, sent: "", ...kept };
      server.append(id, { type: "step.finished", ...at, ...finish });
      break;
    }
    default:
      server.stream(id, `word${choice} `);
  }
}

function calling(server: ModelServer, id: string, step: StepItem, choice: number): void {
  const waiting = step.calls.filter(open);
  const call = waiting[choice % waiting.length];
  if (call === undefined) return;
  const at = { step: step.id, call: call.id };
  const attempt = call.attempt + 1;
  const said = { decision: choice % 2 === 0 ? "approved" : "refused", by: "ada", note: "" } as const;
  const digest = `digest of ${call.id}`;
  if (call.status === "proposed" && choice % 3 === 0) {
    server.append(id, { type: "approval.asked", ...at, digest });
  } else if (call.status === "awaiting_approval" && call.approval?.decision === null) {
    // Now and then a word about something else: it changes nothing.
    const about = choice % 7 === 0 ? "another digest" : digest;
    server.append(id, { type: "approval.decided", ...at, digest: about, ...said });
  } else if (call.status === "awaiting_approval") {
    const refused = { result: "no", preview: "no", size: 2, code: "refused", by: "ada" } as const;
    server.append(id, { type: "call.settled", ...at, attempt: 0, status: "cancelled", ...refused });
  } else if (call.status === "proposed" || call.status === "queued") {
    server.append(id, { type: "call.started", ...at, attempt, fence: 1, worker: "w" });
  } else if (call.status === "in_doubt") server.append(id, { type: "call.retried", ...at, by: "ada" });
  else if (choice % 5 === 0) server.append(id, { type: "call.in_doubt", ...at, attempt: call.attempt });
  else if (choice % 5 < 3) server.append(id, { type: "call.progress", ...at, fraction: 0.5, note: "half" });
  else {
    const outcome = { status: "succeeded", result: "r", preview: "r", size: 1, code: null, by: "" } as const;
    server.append(id, { type: "call.settled", ...at, attempt: call.attempt, ...outcome });
  }
}

function open({ status }: CallView): boolean {
  return status !== "succeeded" && status !== "failed" && status !== "cancelled";
}
