// What was written and not sent outlives the tab.
import { beforeEach, describe, expect, test } from "vitest";
import { KeptDrafts } from "./drafts";
import type { Upload } from "./files";
import { type Client, createClient } from "./index";
import { ModelServer } from "./testing/server";
import { FakeBrowser, FakeClock, makeWorld } from "./testing/world";

const FILE = { id: "f1", name: "photo.png", media_type: "image/png", size: 3 };
const DAY = 86_400_000;

let clock: FakeClock;
let browser: FakeBrowser;

beforeEach(() => {
  clock = new FakeClock();
  browser = new FakeBrowser();
});

/** The drafts of a tab, and the files that it knows. */
function tab(user = "ada") {
  const uploads = new Map<string, Upload>();
  const put = (ref: typeof FILE, state: Upload["state"]): void => {
    uploads.set(ref.id, { ...ref, file: { ...ref, type: "" }, state, progress: 1, code: null, detail: "" });
  };
  const drafts = new KeptDrafts(
    browser.storage(),
    () => clock.now(),
    (id) => uploads.get(id),
    (ref) => put(ref, "done"),
  );
  drafts.identify(user);
  return { drafts, uploads, put };
}

describe("drafts", () => {
  test("each conversation has its own, and so has the one that has not begun", () => {
    const { drafts } = tab();
    drafts.set("c1", { text: "one", files: [] });
    drafts.set(null, { text: "new", files: [] });
    const later = tab().drafts;
    expect([later.get("c1").text, later.get(null).text, later.get("c2").text]).toEqual(["one", "new", ""]);
  });

  test("one that is empty is kept nowhere", () => {
    const { drafts } = tab();
    drafts.set("c1", { text: "one", files: [] });
    drafts.set("c1", { text: "", files: [] });
    expect(browser.data.size).toBe(0);
  });

  test("they are one person's, and logging out forgets them", () => {
    const ada = tab().drafts;
    ada.set("c1", { text: "secret", files: [] });
    expect(tab("bob").drafts.get("c1").text).toBe("");
    ada.clear();
    expect(tab().drafts.get("c1").text).toBe("");
    expect(browser.data.size).toBe(0);
  });

  test("a file that has arrived comes back, one on its way does not", () => {
    const { drafts, put } = tab();
    put(FILE, "uploading");
    drafts.set("c1", { text: "look", files: ["f1"] });
    expect(tab().drafts.get("c1")).toEqual({ text: "look", files: [] });
    put(FILE, "done");
    drafts.uploaded("f1");
    const later = tab();
    expect(later.drafts.get("c1")).toEqual({ text: "look", files: ["f1"] });
    expect(later.uploads.get("f1")).toMatchObject({ ...FILE, state: "done" });
  });

  test("a file that the server no longer keeps is not promised; the text is", () => {
    const { drafts, put } = tab();
    put(FILE, "done");
    drafts.set("c1", { text: "look", files: ["f1"] });
    clock.advance(DAY);
    expect(tab().drafts.get("c1")).toEqual({ text: "look", files: [] });
  });

  test("of very many the oldest go", () => {
    const { drafts } = tab();
    for (let n = 0; n < 110; n++) {
      clock.advance(1);
      drafts.set(`c${n}`, { text: "x", files: [] });
    }
    const later = tab().drafts;
    expect([later.get("c9").text, later.get("c10").text]).toEqual(["", "x"]);
    expect(browser.data.size).toBe(100);
  });

  test("without room in the storage they last as long as the tab", () => {
    const { drafts } = tab();
    browser.room = 0;
    drafts.set("c1", { text: "one", files: [] });
    expect(drafts.get("c1").text).toBe("one");
  });

  test.each(["", "null", "[]", '{"text": 1, "at": 2}', '{"text": "x"}'])(
    "what is none is ignored: %s",
    (text) => {
      browser.data.set("holdfast.draft.ada.c1", text);
      expect(tab().drafts.get("c1").text).toBe("");
    },
  );

  test("what another tab writes is there when the conversation is opened here", () => {
    const [one, two] = [tab().drafts, tab().drafts];
    one.set("c1", { text: "from one", files: [] });
    two.foreign("holdfast.draft.ada.c1", browser.data.get("holdfast.draft.ada.c1") ?? null);
    expect(two.get("c1").text).toBe("from one");
  });
});

describe("a tab of another release", () => {
  const ID = "01890000-0000-7000-8000-000000000001";

  /** A page that is loaded now; the answer to its hello is `reply`, or that of a server of its own release. */
  function load(
    server: ModelServer,
    reply?: string,
  ): { client: Client; world: ReturnType<typeof makeWorld> } {
    const world = makeWorld(clock, browser);
    world.http = server.http;
    world.answer = server.accept;
    if (reply !== undefined) {
      world.answer = (socket) => {
        socket.open({
          received: () => {
            socket.queue.push(reply);
            clock.after(0, () => socket.deliver());
          },
          closed: () => {},
        });
      };
    }
    const client = createClient(world.ports);
    client.start();
    return { client, world };
  }

  test("W9 it is told to reload, does not come back by itself, and what was written is sent by the page after it", () => {
    const server = new ModelServer(clock);
    server.create(ID);
    const before = load(server);
    clock.advance(50);
    before.client.drafts.set(ID, { text: "half a thought", files: [] });
    before.world.sockets[0]?.cut();
    before.client.send(ID, "written during the upgrade");
    // The server is of another release now.
    before.world.answer = (socket) => {
      const goaway = JSON.stringify({ type: "goaway", after_ms: 0, reason: "protocol" });
      socket.open({
        received: () => socket.queue.push(goaway) && clock.after(0, () => socket.deliver()),
        closed: () => {},
      });
    };
    clock.advance(60_000);
    expect(before.client.connection.getSnapshot()).toEqual({ status: "goaway", reason: "protocol" });
    const tries = before.world.sockets.length;
    clock.advance(3_600_000);
    expect(before.world.sockets).toHaveLength(tries);
    before.client.dispose();
    const after = load(server);
    after.client.open(ID);
    clock.advance(20_000);
    expect(after.client.drafts.get(ID).text).toBe("half a thought");
    expect(server.room(ID).transcript()).toMatchObject([
      { kind: "message", text: "written during the upgrade" },
    ]);
  });

  test("W11 after another login its token is fetched anew, and what was written is sent", async () => {
    const server = new ModelServer(clock);
    server.create(ID);
    const { client, world } = load(server);
    clock.advance(50);
    world.sockets[0]?.cut();
    client.send(ID, "written meanwhile");
    server.token = "of the new login";
    world.http = (path) =>
      path === "/api/boot"
        ? { status: 200, text: JSON.stringify({ user: "ada", agents: [], hello_token: server.token }) }
        : server.http(path);
    for (let n = 0; n < 20; n++) {
      clock.advance(500);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
    expect(client.connection.getSnapshot()).toEqual({ status: "open" });
    expect(server.room(ID).transcript()).toMatchObject([{ kind: "message", text: "written meanwhile" }]);
    client.dispose();
  });

  test("frames and fields of a newer server are passed over", () => {
    const server = new ModelServer(clock);
    server.create(ID);
    const { client, world } = load(server);
    client.open(ID);
    clock.advance(50);
    const socket = world.sockets[0];
    socket?.queue.push(
      JSON.stringify({ type: "presence", who: ["bob"] }),
      JSON.stringify({ type: "reaction", conversation: ID, message: "m", emoji: "+1" }),
      JSON.stringify({ type: "pong", now: 1, load: 0.5 }),
    );
    socket?.deliver();
    server.append(ID, {
      type: "message.added",
      message: "m",
      text: "still here",
      origin: { entrance: "web", name: "" },
      attachments: [],
    });
    clock.advance(50);
    expect(client.conversation(ID).getSnapshot()).toMatchObject({
      synced: true,
      items: [{ text: "still here" }],
    });
    expect(client.connection.getSnapshot().status).toBe("open");
  });
});
