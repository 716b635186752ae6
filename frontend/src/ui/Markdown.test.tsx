import { waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { cellsOf, toCsv } from "./csv";
import { highlight, MAX_CODE } from "./highlight";
import { isSafeImage, isSafeLink } from "./links";
import Markdown from "./Markdown";
import { withMathSpans } from "./mathSpans";
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
  // The first two are links that say whose they are; `data:` is words.
  const links = [...page.querySelectorAll("a")];
  expect(links.map((link) => link.textContent)).toEqual(["🖼 spy (evil.example)", "🖼 spy (evil.example)"]);
  for (const link of links) expect(link.title).toContain("A picture at evil.example");
  expect(page.textContent).toContain("d");
});

test("a picture of another site within a link is only words", () => {
  const links = html("[![logo](https://evil.example/l.png)](https://example.org/)").querySelectorAll("a");
  expect([...links].map((link) => [link.textContent, link.getAttribute("href")])).toEqual([
    ["🖼 logo (evil.example)", "https://example.org/"],
  ]);
});

describe("mathematics", () => {
  const drawn = async (text: string) => {
    const page = html(text);
    await waitFor(() => expect(page.querySelector("[data-testid=math] math")).not.toBeNull());
    return page;
  };

  test.each([
    ["So \\(a_1 * b_2 * c\\) holds.", "a_1 * b_2 * c", "inline"],
    ["So $x_i = \\frac{1}{2}$ holds.", "x_i = \\frac{1}{2}", "inline"],
    ["$$\nE = mc^2\n$$", "E = mc^2", "block"],
    ["\\[\n\\sum_{i=1}^n i\n\n= 1\n\\]", "\\sum_{i=1}^n i = 1", "block"],
    ["- a point: $$a^2$$", "a^2", "block"],
    ["```math\na^2\n```", "a^2", "block"],
  ])("%j is drawn, and none of its signs is taken for Markdown", async (text, tex, how) => {
    const page = await drawn(text);
    const math = page.querySelector("math");
    expect(math?.querySelector("annotation")?.textContent).toBe(tex);
    expect(math?.getAttribute("display")).toBe(how === "block" ? "block" : null);
    expect(page.querySelector("em, [style]")).toBeNull();
  });

  test.each([
    "It costs $5 and $10.",
    "US$5, A$6 and $7/$8 each",
    "`$a$` and `\\(b\\)`",
    "```sh\necho $HOME $PATH\n```",
    "an escaped \\$a\\$",
    "$ a $",
    "an open $$ end",
  ])("%j holds none", (text) => {
    expect(withMathSpans(text)).toBe(text);
  });

  test("what KaTeX does not know is shown as it was written", async () => {
    const page = html("$\\notacommand{x}$");
    await waitFor(() =>
      expect(page.querySelector("[data-testid=math-source]")?.textContent).toBe("\\notacommand{x}"),
    );
    await import("./math");
    expect(page.querySelector("math")).toBeNull();
  });

  test("a formula asks for nothing and links nowhere", async () => {
    const { mathml } = await import("./math");
    for (const tex of [
      "\\href{javascript:alert(1)}{x}",
      "\\includegraphics{https://evil.example/a.png}",
      "\\htmlStyle{color:red}{x}",
    ]) {
      expect(mathml(tex, false) ?? "").not.toMatch(/<(a|img)\b|\shref=|\sstyle=/);
    }
  });

  test("a long text without an end is read at once", () => {
    const text = "$$ \\( \\[ $a ".repeat(5_000);
    const begun = performance.now();
    withMathSpans(text);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

test("a table is copied as CSV, safe for spreadsheets", () => {
  const page = html('| a | b |\n| - | - |\n| one, "two" | =1+1 |\n| -3 | 茶 |\n');
  const table = page.querySelector("table");
  expect(table && toCsv(cellsOf(table))).toBe('a,b\r\n"one, ""two""",\'=1+1\r\n-3,茶');
  expect(page.querySelector("[data-testid=table-copy] button")?.getAttribute("aria-label")).toBe(
    "Copy as CSV",
  );
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
