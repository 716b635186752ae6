import { waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { highlight, MAX_CODE } from "./highlight";
import { isSafeImage, isSafeLink } from "./links";
import Markdown from "./Markdown";
import { show } from "./testing";

const html = (text: string, streaming = false) =>
  show(<Markdown text={text} streaming={streaming} />).container;

test("links go to the web and to mail only, and give nothing away", () => {
  const page = html(
    "[a](https://example.org/x) [b](mailto:a@example.org) [c](javascript:alert(1)) [d](irc://x/y) [e](blob:https://x/y)",
  );
  const links = [...page.querySelectorAll("a")];
  expect(links.map((link) => link.textContent)).toEqual(["a", "b"]);
  for (const link of links) expect(link.rel).toContain("noopener");
  expect(page.textContent).toContain("c d e");
});

test("an image from elsewhere is never asked for; one of our own is", () => {
  const page = html(
    "![spy](https://evil.example/p.png) ![spy](//evil.example/p.png) ![d](data:image/png;base64,AA) ![ours](/static/a.png)",
  );
  expect([...page.querySelectorAll("img")].map((image) => image.getAttribute("src"))).toEqual([
    "/static/a.png",
  ]);
  expect(page.textContent).toContain("spy");
});

test("HTML is text, but a line break in a table is a line break", () => {
  const page = html(
    "a <img src=x onerror=alert(1)> <script>alert(1)</script>\n\n| h |\n| - |\n| one<br>two |\n",
  );
  expect(page.querySelector("img, script")).toBeNull();
  expect(page.textContent).toContain("<img src=x onerror=alert(1)>");
  expect(page.querySelectorAll("td br")).toHaveLength(1);
});

test("code has a copy button and keeps its spaces", () => {
  const page = html("```python\ndef a():\n    return 1\n```\n");
  expect(page.querySelector("pre")?.textContent).toBe("def a():\n    return 1");
  expect(page.querySelector("button")?.getAttribute("aria-label")).toBe("Copy code");
});

test("code gets the colours of its language, as classes and without HTML, also while it is written", async () => {
  const page = html("```python\ndef a():\n    return '<b>'", true);
  await waitFor(() => expect(page.querySelector("pre .hljs-keyword")?.textContent).toBe("def"));
  expect(page.querySelector("pre")?.textContent).toBe("def a():\n    return '<b>'");
  expect(page.querySelector("pre b, pre [style]")).toBeNull();
});

test("code in an unknown language, or too long, stays plain", () => {
  expect(highlight("x = 1", "klingon")).toBeNull();
  expect(highlight("x".repeat(MAX_CODE + 1), "python")).toBeNull();
  expect(highlight("x = 1", "py")).not.toBeNull();
});

test("emphasis stands beside Chinese punctuation", () => {
  expect(
    [...html("**重点：**中文，**加粗。**后面").querySelectorAll("strong")].map((each) => each.textContent),
  ).toEqual(["重点：", "加粗。"]);
});

test("one tilde is a range, two strike through", () => {
  const page = html("需要 3~5天 或 10~12天, not ~~this~~");
  expect([...page.querySelectorAll("del")].map((each) => each.textContent)).toEqual(["this"]);
  expect(page.textContent).toContain("3~5天 或 10~12天");
});

test.each([
  ["见https://example.org/a。然后继续", "https://example.org/a", "。然后继续"],
  ["https://example.org看这里", "https://example.org", "看这里"],
  ["https://example.org/a?x=1，以及", "https://example.org/a?x=1", "，以及"],
  ["https://zh.example.org/wiki/茶 好", "https://zh.example.org/wiki/茶", " 好"],
  ["www.example.org（主页）", "www.example.org", "（主页）"],
  ["see https://example.org/a(b), then", "https://example.org/a(b)", ", then"],
])("a bare address ends where it does: %s", (text, address, rest) => {
  const page = html(text);
  expect(page.querySelector("a")?.textContent).toBe(address);
  expect(decodeURI(page.querySelector("a")?.getAttribute("href") ?? "")).toContain(
    address.replace("www.", ""),
  );
  expect(page.textContent).toContain(address + rest);
});

test("a link with a text of its own keeps it", () => {
  const link = html("[看这里。谢谢](https://example.org/a)").querySelector("a");
  expect([link?.textContent, link?.getAttribute("href")]).toEqual(["看这里。谢谢", "https://example.org/a"]);
});

test("an unfinished answer is readable", () => {
  expect(html("Some **bold and", true).querySelector("strong")?.textContent).toBe("bold and");
  expect(html("So:\n\n```js\nlet a = 1", true).querySelector("pre")?.textContent).toBe("let a = 1");
  expect(html("See [the page](https://exam", true).textContent).toBe("See the page");
});

test("the second check holds on its own", () => {
  expect(["https://a.b", "mailto:x@y.z", "#note", "/docs"].every(isSafeLink)).toBe(true);
  expect(["javascript:x", "data:text/html,x", "blob:https://a/b", "file:///x", ""].some(isSafeLink)).toBe(
    false,
  );
  expect(isSafeImage("/a.png")).toBe(true);
  expect(
    ["https://evil.example/a.png", "//evil.example/a.png", "data:image/png,x", ""].some(isSafeImage),
  ).toBe(false);
});
