import type { AttachmentRef, ConversationView, Item, ListEntry, Upload } from "../../sync";
import { asked, call, done, type FakeClient, live, message, notice, run, step } from "./fake";
import { results } from "./results";
import { LONG, MARKDOWN } from "./texts";

export const ID = "0190a000-0000-7000-8000-000000000001";
const HOUR = 3_600_000;

function entry(n: number, title: string, ago: number, more: Partial<ListEntry> = {}): ListEntry {
  return {
    id: n === 1 ? ID : `0190a000-0000-7000-8000-00000000${String(1000 + n)}`,
    title,
    agent: "demo",
    created_at: Date.now() - ago,
    updated_at: Date.now() - ago,
    run_status: "finished",
    pinned: false,
    archived: false,
    pending: false,
    ...more,
  };
}

function fillList(client: FakeClient): void {
  client.list.update(() => ({
    conversations: [
      entry(1, "Tea, time and a little arithmetic", 30_000, { run_status: "running" }),
      entry(2, "Quarterly report: outline and numbers", 9 * 60_000, { run_status: "waiting" }),
      entry(3, "东京的时间和天气", 3 * HOUR),
      entry(4, "Why did the import fail?", 5 * HOUR, { run_status: "failed" }),
      entry(5, "Notes for the customer visit", 26 * HOUR),
      entry(6, "A very long title that does not fit into the width of the list at all", 30 * HOUR),
      entry(7, "Exchange rates", 4 * 24 * HOUR),
      entry(8, "茶的历史", 6 * 24 * HOUR),
      entry(9, "Draft: announcement", 20 * 24 * HOUR),
      entry(10, "Onboarding plan", 400 * 24 * HOUR),
    ],
  }));
}

const history: Item[] = [
  message(1, "What time is it in Tokyo, and how much is 17.5% of 2,480?"),
  step(2, "I'll look up both.", {
    calls: [
      call("c1", "current_time", { city: "Tokyo" }, done("2026-11-22 18:42:07 (Asia/Tokyo, UTC+09:00)", 340)),
      call("c2", "calculator", { expression: "0.175 * 2480" }, done("434", 52)),
    ],
  }),
  step(3, "It is **18:42** in Tokyo, and 17.5% of 2,480 is **434**."),
  message(4, "Show me everything that you can format."),
  step(5, MARKDOWN),
];

const running = (progress: number, note: string) =>
  call(
    "c5",
    "slow_research",
    { topic: "the history of tea", depth: "thorough" },
    { status: "running", attempt: 1, started_at: Date.now() - 7000, progress: { fraction: progress, note } },
  );

function ref(id: string, name: string, media_type = "image/png"): AttachmentRef {
  return { id, name, media_type, size: 48_200 };
}

/** A real picture, drawn here: bars of a few colours as a bitmap. */
function drawn(name: string): File {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"><rect width="320" height="240" fill="#7fb2d6"/>' +
    '<rect y="140" width="320" height="100" fill="#2f6f8f"/><circle cx="240" cy="70" r="32" fill="#f6c453"/></svg>';
  return new File([svg], name, { type: "image/svg+xml" });
}

function upload(id: string, name: string, more: Partial<Upload>): Upload {
  const file = drawn(name);
  const base = { id, name, size: 48_200, media_type: file.type, file, code: null, detail: "" };
  return { ...base, state: "uploading", progress: 0.4, ...more };
}

const text = (name: string) => ({ file: new File(["x"], name, { type: "text/plain" }) });
const UPLOADS: readonly Upload[] = [
  upload("d1", "sunset.png", { state: "done", progress: 1 }),
  upload("d2", "a rather long name of a file with notes.md", text("notes.md")),
  upload("d3", "film.mov", { ...text("film.mov"), state: "failed", code: "not_text" }),
  upload("d4", "large.csv", { ...text("large.csv"), state: "waiting", progress: 0 }),
];

type Scene = (client: FakeClient) => ConversationView | null;

const researching: Item[] = [
  message(1, "Research the history of tea, and write the summary to my notes"),
  step(2, "I'll search several sources. This takes a little while.", {
    calls: [running(0.62, "Reading source 5 of 8: The Classic of Tea (茶经), Lu Yu, 8th century")],
  }),
];

const THOUGHTS =
  "The user asks which city is older.\n\n1. Rome: founded in 753 BC by tradition.\n2. Athens: settled since about 3000 BC.\n\nSo Athens, with `3000 > 753`.";

export const scenes: Record<string, Scene> = {
  empty: () => null,
  full: () => live(ID, history),
  calls: () =>
    live(
      ID,
      [
        message(1, "Try all of your tools."),
        step(2, "Here they come.", {
          calls: [
            call("k1", "current_time", { city: "Tokyo" }, done("2026-11-22 18:42:07 (Asia/Tokyo)", 340)),
            call(
              "k2",
              "fetch_url",
              {
                url: "https://example.org/a/very/long/path/that/goes/on?and=on&and=on&until=it&does=not&fit",
              },
              {
                status: "failed",
                attempt: 1,
                started_at: Date.now() - 9000,
                ended_at: Date.now() - 4000,
                code: "timeout",
                preview: "The page did not answer within 5 seconds.",
                size: 41,
              },
            ),
            call("k3", "calculator", '{"expression": "12 *', {
              status: "failed",
              code: "malformed_arguments",
            }),
            call("k4", "list_orders", {}, { status: "queued" }),
            running(0.62, "Reading source 5 of 8"),
            call(
              "k6",
              "fetch_url",
              { url: "https://example.org/report" },
              {
                status: "running",
                attempt: 2,
                started_at: Date.now() - 65_000,
                progress: { fraction: null, note: "Downloading" },
              },
            ),
          ],
        }),
        step(3, "", {
          survived: true,
          calls: [
            call(
              "k7",
              "notes",
              { action: "add", text: "Call Mei" },
              {
                status: "cancelled",
                code: "cancelled_by_user",
                attempt: 1,
                started_at: Date.now() - 9000,
                ended_at: Date.now() - 4000,
              },
            ),
          ],
        }),
      ],
      { run: run("running", { attempt: 2 }) },
    ),
  doubt: () =>
    live(
      ID,
      [
        message(1, "Add “call Mei at nine” to my notes"),
        step(2, "I'll write it down.", {
          survived: true,
          calls: [
            call(
              "c9",
              "notes",
              { action: "add", text: "Call Mei at nine" },
              {
                status: "in_doubt",
                effect: "effectful",
                attempt: 1,
                started_at: Date.now() - 40_000,
              },
            ),
          ],
        }),
      ],
      { run: run("waiting", { reason: "in_doubt", attempt: 2 }) },
    ),
  approval: () =>
    live(
      ID,
      [
        message(1, "Remember that the supplier is paid on Friday, and tell me the time in Tokyo"),
        step(2, "Let me open the notes and look up the time.", {
          calls: [
            call(
              "a1",
              "notes",
              { action: "add", text: "The supplier is paid on Friday" },
              { status: "awaiting_approval", effect: "effectful", approval: asked() },
            ),
            call(
              "a2",
              "current_time",
              { place: "Tokyo" },
              done("2026-11-22 18:42:07 (Asia/Tokyo, UTC+09:00)", 340),
            ),
          ],
        }),
      ],
      { run: run("waiting", { reason: "approval" }) },
    ),
  decided: () =>
    live(
      ID,
      [
        message(1, "Remember that the supplier is paid on Friday and delete note 7"),
        step(2, "Let me open the notes.", {
          calls: [
            call(
              "a3",
              "notes",
              { action: "add", text: "The supplier is paid on Friday" },
              done("Noted as #8.", 60, {
                effect: "effectful",
                approval: asked({ decision: "approved", by: "mei", decided_at: Date.now() }),
              }),
            ),
            call(
              "a4",
              "notes",
              { action: "delete", number: 7 },
              {
                status: "cancelled",
                code: "refused",
                effect: "effectful",
                by: "ada",
                preview: "A person was asked and refused this call. Nothing was executed.",
                size: 63,
                ended_at: Date.now(),
                approval: asked({
                  decision: "refused",
                  by: "ada",
                  note: "Number 7 is still needed for the audit.",
                  decided_at: Date.now(),
                }),
              },
            ),
          ],
        }),
        step(3, "I noted the payment. Note 7 stays, since it is still needed."),
      ],
      { run: run("finished") },
    ),
  streaming: () =>
    live(
      ID,
      [
        ...researching.slice(0, 1),
        step(2, "I'll search.", {
          calls: [call("c5", "slow_research", { topic: "the history of tea" }, done("8 sources read", 9400))],
        }),
        step(3, LONG.slice(0, 700), { status: "streaming", ended_at: null, usage: null }),
      ],
      { run: run("running") },
    ),
  research: () => live(ID, researching, { run: run("running") }),
  waits: () =>
    live(ID, [...researching, message(7, "And please keep it short.")], {
      run: run("running"),
      pending: [
        { id: "p1", text: "Also: in Chinese, please.", at: Date.now(), state: "sending", code: null },
        { id: "p2", text: "One more thing…", at: Date.now(), state: "failed", code: "too_many_waiting" },
      ],
    }),
  attachments: (client) => {
    client.uploads.set([upload("u1", "a photo of the sea.png", {}), ...UPLOADS]);
    client.drafts.set(ID, { text: "", files: UPLOADS.map(({ id }) => id) });
    const [photo, notes] = [ref("a1", "lisbon.png"), ref("a2", "packing list.md", "text/markdown")];
    return live(
      ID,
      [
        message(1, "What is on these, and is anything missing from the list?", {
          attachments: [photo, notes],
        }),
        step(2, "The picture shows the harbour at noon. The list lacks **sunscreen**."),
        message(3, "", { attachments: [photo, ref("a3", "map.png"), ref("a4", "tram.png")] }),
        step(4, "Three pictures of Lisbon."),
      ],
      {
        pending: [
          {
            id: "p1",
            text: "And this?",
            attachments: [ref("u1", "sea.png")],
            at: 0,
            state: "uploading",
            code: null,
          },
          {
            id: "p2",
            text: "",
            attachments: [ref("gone", "report.csv", "text/csv")],
            at: 0,
            state: "failed",
            code: "attachment_lost",
          },
        ],
      },
    );
  },
  recovering: () =>
    live(ID, [...researching.slice(0, 1), step(2, "", { status: "streaming", ended_at: null })], {
      run: run("recovering", { reason: "lease_lost", since: Date.now() - 4000 }),
    }),
  thinking: () =>
    live(
      ID,
      [
        message(1, "Which city is older, Rome or Athens?"),
        step(2, "**Athens** is older by several centuries.", { reasoning: THOUGHTS }),
        message(3, "And how old is it?"),
        step(4, "", { reasoning: THOUGHTS, status: "streaming", ended_at: null }),
      ],
      { run: run("running") },
    ),
  incomplete: () =>
    live(
      ID,
      [
        message(1, "Tell me a long story"),
        step(2, "Once upon a time there was a kelp forest off the coast of", { incomplete: "length" }),
      ],
      { run: run("finished") },
    ),
  retrying: () =>
    live(ID, researching.slice(0, 1), {
      run: run("running", { code: "model_busy", retry_at: Date.now() + 12_000 }),
    }),
  stopping: () => live(ID, researching, { run: run("running"), stopping: true }),
  ended: () =>
    live(
      ID,
      [
        message(1, "Tell me a long story"),
        step(2, "Once upon a time there was a kelp forest off the coast of", { status: "stopped" }),
        notice(3, "stopped", "mei"),
        message(4, "Go on"),
        notice(5, "model_auth", "401 from api.example.org: invalid key"),
        {
          kind: "note",
          seq: 6,
          id: "n6",
          text: "Build 812 finished: 3 tests failed.",
          at: Date.now(),
          origin: { entrance: "trigger", name: "ci" },
          left_out: null,
        },
        message(7, "What is going on with the build?", { origin: { entrance: "feishu", name: "Li Lei" } }),
        notice(8, "limit_steps"),
        step(9, "It survived.", { survived: true }),
      ],
      { run: run("finished") },
    ),
  chinese: () =>
    live(
      ID,
      [
        message(1, "东京现在几点？另外，2480 的 17.5% 是多少？"),
        step(2, "我来查一下。", {
          calls: [
            call("c1", "current_time", { city: "东京" }, done("2026-11-22 18:42:07 (Asia/Tokyo)", 340)),
            call("c2", "calculator", { expression: "0.175 * 2480" }, done("434", 52)),
          ],
        }),
        step(
          3,
          "东京现在是 **18:42**，2480 的 17.5% 是 **434**。\n\n**说明：**时间来自系统时区数据库，\n计算使用精确小数。\n\n| 项目 | 结果 |\n| --- | --- |\n| 东京时间 | 18:42 |\n| 2480 × 17.5% | 434 |\n",
        ),
        message(4, "研究一下茶的历史"),
        step(5, "", { calls: [running(0.4, "正在阅读第 3 篇，共 8 篇：陆羽《茶经》")] }),
      ],
      { run: run("running") },
    ),
  offline: (client) => {
    client.connection.set({
      status: "offline",
      downSince: Date.now() - 8000,
      attempt: 3,
      retryAt: Date.now() + 9000,
      said: null,
      lastSyncedAt: Date.now() - 8000,
    });
    return live(ID, history.slice(0, 3), {
      synced: false,
      pending: [{ id: "p1", text: "And in Paris?", at: Date.now(), state: "sending", code: null }],
    });
  },
  queueing: (client) => {
    client.connection.set({
      status: "connecting",
      downSince: Date.now() - 8000,
      attempt: 1,
      turnAt: Date.now() + 4000,
      lastSyncedAt: Date.now() - 8000,
    });
    return live(ID, history.slice(0, 3), { synced: false });
  },
  outdated: (client) => {
    client.connection.set({ status: "goaway", reason: "protocol" });
    client.drafts.set(ID, { text: "Half a thought that survives the reload", files: [] });
    return live(ID, history.slice(0, 3), { synced: false });
  },
  results: () => live(ID, results, { run: run("finished") }),
  loggedout: (client) => {
    client.connection.set({ status: "goaway", reason: "logged_out" });
    return live(ID, history.slice(0, 3), { synced: false });
  },
  gone: () => ({ ...live(ID, []), phase: "gone" }),
  opening: () => ({ ...live(ID, []), phase: "opening" }),
  long: (client) => longConversation(client),
};

/** Three hundred messages, the newest fifty first, and an answer that streams for ever. */
function longConversation(client: FakeClient): ConversationView {
  const all: Item[] = [];
  for (let n = 1; n <= 300; n += 2) {
    all.push(message(n, `Question ${n}: what about this?`));
    all.push(step(n + 1, n % 3 === 0 ? MARKDOWN : LONG.slice(0, 200 + ((n * 37) % 900))));
  }
  let from = 250;
  client.onOlder = (id) => {
    const cell = client.conversation(id);
    cell.update(() => ({ older: "loading" }));
    setTimeout(() => {
      from = Math.max(0, from - 50);
      cell.update(() => ({ items: all.slice(from), older: from === 0 ? "none" : "more" }));
    }, 400);
  };
  return live(ID, all.slice(from), { older: "more" });
}

export function play(client: FakeClient, name: string): string | null {
  fillList(client);
  const view = scenes[name]?.(client) ?? null;
  if (view === null) return null;
  client.conversation(ID).set(view);
  client.details.set("c1", {
    id: "c1",
    name: "current_time",
    arguments: "{}",
    result: LONG,
    status: "succeeded",
  });
  return ID;
}
