import { fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { BOOT, call, done, FakeClient } from "../gallery/fake";
import { CallCard } from "../rows/CallCard";
import { show } from "../testing";
import { RENDERER_API, type ToolResult, type View } from "./contract";
import { jsonView } from "./json";
import { drawWith, mediaTypeOf, moduleOf } from "./registry";
import { viewOf } from "./view";

const more = (n: number) => `${n} more`;
const result = (text: string): ToolResult => ({
  tool: "weather",
  arguments: "{}",
  text,
  ...mediaTypeOf(text),
  language: "en",
});

describe("which renderer", () => {
  test("the media type is what the text is", () => {
    expect(mediaTypeOf('  {"a": 1}')).toEqual({ mediaType: "application/json", data: { a: 1 } });
    expect(mediaTypeOf("[1, 2").mediaType).toBe("text/plain");
    expect(mediaTypeOf("12").mediaType).toBe("text/plain");
    expect(mediaTypeOf("[see below] it rains").mediaType).toBe("text/plain");
  });

  test("a module is loaded from our own origin only", () => {
    const origin = "https://chat.example";
    expect(moduleOf("weather", { weather: "/static/w.js" }, origin)).toBe("https://chat.example/static/w.js");
    for (const bad of [
      "https://evil.example/w.js",
      "//evil.example/w.js",
      "data:text/javascript,1",
      "http://",
    ]) {
      expect(moduleOf("weather", { weather: bad }, origin)).toBeNull();
    }
    expect(moduleOf("constructor", {}, origin)).toBeNull();
  });

  test("a module for a later page, or without a function, is not used", () => {
    expect(() => drawWith({ default: () => "x", api: RENDERER_API + 1 }, "w.js")).toThrow("later version");
    expect(() => drawWith({}, "w.js")).toThrow("no default export");
  });

  test("a module cannot change what others are given", () => {
    const draw = drawWith(
      {
        default: (given) => {
          (given as { text: string }).text = "other";
          return null;
        },
      },
      "w.js",
    );
    expect(() => draw(result("x"), more)).toThrow(TypeError);
  });
});

describe("a view", () => {
  const good: View[] = [
    "text",
    { kind: "text", text: "x", tone: "bad" },
    { kind: "heading", text: "x" },
    { kind: "group", views: ["a", { kind: "list", items: ["b"], ordered: true }] },
    { kind: "table", columns: ["a", "b"], rows: [["1", { kind: "meter", value: 0.5, label: "half" }]] },
    { kind: "fields", fields: [["a", "b"]] },
    { kind: "code", text: "x", language: "json" },
    { kind: "link", text: "x", href: "https://a.example" },
    { kind: "image", src: "/static/x.png", alt: "x" },
  ];
  test.each(good)("is taken as it is: %j", (view) => {
    expect(viewOf(view)).toEqual(view);
  });

  test.each([
    [undefined, "neither"],
    [{ kind: "html", html: "<b>" }, "kind: unknown"],
    [{ kind: "text", text: {} }, "not a text"],
    [{ kind: "text", text: "x", tone: "evil" }, "tone"],
    [{ kind: "table", columns: ["a"], rows: [["1", "2"]] }, "as many cells"],
    [{ kind: "list", items: "abc" }, "not a list"],
    [{ kind: "meter", value: 2, label: "x" }, "between 0 and 1"],
    [{ kind: "list", items: Array(6_000).fill("x") }, "more than"],
  ])("is refused when it is none: %j", (value, why) => {
    expect(() => viewOf(value)).toThrow(why);
  });

  test("one that holds itself is refused", () => {
    const views: unknown[] = [];
    views.push({ kind: "group", views });
    expect(() => viewOf({ kind: "group", views })).toThrow("deeper");
  });

  test("what it does not know is left out", () => {
    expect(viewOf({ kind: "heading", text: "x", onclick: "alert(1)" })).toEqual({
      kind: "heading",
      text: "x",
    });
  });
});

describe("JSON", () => {
  test("alike objects are a table, missing values a dash", () => {
    expect(jsonView([{ city: "Rome", c: 21 }, { city: "Oslo" }], more)).toEqual({
      kind: "table",
      columns: ["city", "c"],
      rows: [
        ["Rome", "21"],
        ["Oslo", { kind: "text", text: "–", tone: "quiet" }],
      ],
    });
  });

  test("one object is names and values, and what lies deep is code", () => {
    const deep = { a: { b: { c: { d: { e: 1 } } } } };
    const view = jsonView(deep, more);
    expect(view).toMatchObject({ kind: "fields" });
    expect(JSON.stringify(view)).toContain('"kind":"code"');
  });

  test("a long list says how much is left out", () => {
    expect(
      JSON.stringify(
        jsonView(
          Array.from({ length: 250 }, (_, n) => ({ n })),
          more,
        ),
      ),
    ).toContain("50 more");
  });

  test("nothing is made of nothing", () => {
    expect([jsonView([], more), jsonView({}, more), jsonView(null, more)]).toEqual([null, null, null]);
  });

  test.each(["[1,[2,[3,[4,[5,[6]]]]]]", '{"a":null,"b":[],"c":{},"d":[{"x":[1,2]}]}', '[{"a":1},2,"x"]'])(
    "whatever it is, its view is one: %s",
    (text) => {
      expect(viewOf(jsonView(JSON.parse(text), more))).toBeTruthy();
    },
  );
});

describe("in a card", () => {
  beforeEach(() => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  const text = JSON.stringify([{ city: "Rome", c: 21 }]);
  const card = (preview: string, more = {}) => (
    <CallCard conversation="c" call={call("1", "weather", {}, done(preview, 10, more))} />
  );
  const open = () => fireEvent.click(screen.getByTestId("call-toggle"));
  const shown = () => screen.getByTestId("call-result");

  test("JSON is a table, and its text is one click away", async () => {
    show(card(text));
    open();
    await waitFor(() => expect(shown().dataset.look).toBe("view"));
    expect(screen.getByRole("columnheader", { name: "city" })).toBeTruthy();
    expect(screen.getByRole("cell", { name: "Rome" })).toBeTruthy();
    fireEvent.click(screen.getByTestId("call-plain"));
    expect(shown().textContent).toBe(JSON.stringify(JSON.parse(text), null, 2));
  });

  test("text, what is cut, and what failed stay text", async () => {
    const { again } = show(card("it rains"));
    open();
    expect(shown().dataset.look).toBe("text");
    again(card('[{"a": 1}, {"a"', { size: 4_000 }));
    expect(shown().dataset.look).toBe("text");
    again(card(text, { status: "failed" }));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(shown().dataset.look).toBe("text");
  });

  test("a module of the tool's package that cannot be loaded leaves the text", async () => {
    const boot = { ...BOOT, renderers: { weather: "/static/gone.js" } };
    show(card("it rains"), new FakeClient(boot), "en", boot);
    open();
    await waitFor(() => expect(console.warn).toHaveBeenCalled());
    expect(shown().dataset.look).toBe("text");
    expect(shown().textContent).toBe("it rains");
  });

  test("a tool's own renderer is given the whole result", async () => {
    const boot = { ...BOOT, renderers: { weather: "/static/gone.js" } };
    const client = new FakeClient(boot);
    client.details.set("1", {
      id: "1",
      name: "weather",
      arguments: "{}",
      result: "it rains all day",
      status: "succeeded",
    });
    show(card("it rains", { size: 16 }), client, "en", boot);
    open();
    await waitFor(() => expect(shown().textContent).toBe("it rains all day"));
  });
});
