// Copies and imports, over a network that loses answers.
import { describe, expect, it } from "vitest";
import { HttpCopies } from "./copies";
import type { LocalFile } from "./files";
import { HttpError, type ProblemCode } from "./problem";

const CONVERSATION = "01890000-0000-7000-8000-000000000001";

function problem(code: ProblemCode): HttpError {
  return new HttpError({ code, status: 0, detail: "", retry: true });
}

/** A server that answers as it is told, one answer for each request. */
function house(...answers: (HttpError | object)[]) {
  const asked: unknown[][] = [];
  const pauses: number[] = [];
  let ids = 0;
  const answer = async (...args: unknown[]): Promise<unknown> => {
    asked.push(args);
    const next = answers.shift() ?? {};
    if (next instanceof HttpError) throw next;
    return next;
  };
  const http = {
    request: answer,
    sendFile: (...args: unknown[]) => ({ answer: answer(...args), abort: () => {} }),
  };
  const clock = {
    now: () => 0,
    after: (ms: number, run: () => void) => {
      pauses.push(ms);
      run();
      return () => {};
    },
  };
  const copies = new HttpCopies(
    http,
    clock,
    () => `id-${++ids}`,
    () => 1_000,
  );
  return { copies, asked, pauses };
}

const BEGUN = { id: "id-1", missing: [], closed: false };

describe("a copy", () => {
  it("is asked for under an id of its own, up to an item or whole", async () => {
    const { copies, asked } = house(BEGUN, BEGUN);
    expect(await copies.copy(CONVERSATION, "run.2")).toEqual(BEGUN);
    await copies.copy(CONVERSATION);
    const path = `/api/conversations/${CONVERSATION}/copies`;
    expect(asked).toEqual([
      ["POST", path, { id: "id-1", message: "run.2" }],
      ["POST", path, { id: "id-2" }],
    ]);
  });

  it("W5 is asked for again with the same id when no answer came, and not for ever", async () => {
    const lost = house(problem("offline"), problem("server"), BEGUN);
    expect(await lost.copies.copy(CONVERSATION)).toEqual(BEGUN);
    expect(new Set(lost.asked.map(([, , body]) => JSON.stringify(body))).size).toBe(1);
    expect(lost.pauses).toEqual([1_000, 2_000]);
    const never = house(problem("offline"), problem("offline"), problem("offline"), BEGUN);
    await expect(never.copies.copy(CONVERSATION)).rejects.toThrow(HttpError);
    expect(never.asked).toHaveLength(3);
  });

  it("that is refused is not asked for again", async () => {
    for (const code of ["not_found", "too_fast", "refused"] as const) {
      const { copies, asked } = house(problem(code));
      await expect(copies.copy(CONVERSATION)).rejects.toThrow(HttpError);
      expect(asked).toHaveLength(1);
    }
  });
});

describe("a file with a conversation", () => {
  const file = (size: number): LocalFile => ({ name: "c.json", size, type: "application/json" });

  it("goes up once more under the same id", async () => {
    const { copies, asked } = house(problem("offline"), BEGUN, BEGUN);
    const one = file(10);
    const quiet = () => {};
    await expect(copies.bringIn(one, quiet)).rejects.toThrow(HttpError);
    expect(await copies.bringIn(one, quiet)).toEqual(BEGUN);
    await copies.bringIn(file(10), quiet);
    expect(asked.map(([path, fields]) => [path, fields])).toEqual([
      ["/api/conversations/import", { id: "id-1" }],
      ["/api/conversations/import", { id: "id-1" }],
      ["/api/conversations/import", { id: "id-2" }],
    ]);
  });

  it("that is empty or too large is not sent at all", async () => {
    const { copies, asked } = house();
    for (const [size, reason] of [
      [0, "empty"],
      [1_001, "too_large"],
    ] as const) {
      const refused = await copies.bringIn(file(size), () => {}).catch((error: HttpError) => error);
      expect((refused as HttpError).problem.reason).toBe(reason);
    }
    expect(asked).toHaveLength(0);
  });
});
