// What our Trusted Types policies let pass. The browser's part is in tests/browser/test_trusted_types.py.
import { afterEach, expect, test, vi } from "vitest";
import { decodeNamedCharacterReference } from "./entities";
import { htmlPolicy } from "./trusted";

afterEach(() => vi.unstubAllGlobals());

test.each([
  ["copy", "©"],
  ["amp", "&"],
  ["semi", ";"],
  ["nothing", false],
  ["b><img", false],
  ["", false],
])("the reference %j is %j", (name, text) => {
  expect(decodeNamedCharacterReference(name)).toBe(text);
});

test("a policy is registered under its name, and asked about every text", () => {
  const made: string[] = [];
  vi.stubGlobal("trustedTypes", {
    createPolicy: (name: string, rules: { createHTML(text: string): string }) => {
      made.push(name);
      return { createHTML: (text: string) => ({ trusted: rules.createHTML(text) }) };
    },
  });
  const markup = htmlPolicy("letters", (text) => /^[a-z]+$/.test(text));
  expect(made).toEqual(["letters"]);
  expect(markup("abc")).toEqual({ trusted: "abc" });
  expect(() => markup("<b>")).toThrow(TypeError);
});

test("where browsers know no Trusted Types the same texts are refused", () => {
  const markup = htmlPolicy("letters", (text) => /^[a-z]+$/.test(text));
  expect(markup("abc")).toBe("abc");
  expect(() => markup("<b>")).toThrow(TypeError);
});

test.each([
  "\\frac{1}{2}",
  "\\left( \\begin{matrix} a & b \\\\ \\textcolor{red}{c} & \\sqrt[3]{d} \\end{matrix} \\right)",
  "\\begin{array}{|c|c|}\\hline a & b \\\\ \\hline\\end{array}",
  "\\begin{aligned} a &= b \\\\ c &< d \\end{aligned} \\tag{1}",
  "\\overbrace{a+b}^{n} \\underset{x}{\\lim} \\boxed{y} \\cancel{z} \\phantom{q} \\color{#f00} r",
  "\\text{a < b > \"c\" \\& 'd'} \\mathbb{R} \\mathcal{L} \\operatorname{rank} \\xrightarrow{f} \\rule{1em}{2em}",
  "\\overline{AB} \\widehat{x} \\vec v \\not= \\raisebox{2pt}{a} \\Huge b \\mathrlap{c} \\vcenter{d} \\binom{n}{k}",
])("what KaTeX makes of %j passes", async (tex) => {
  const { mathml } = await import("./math");
  expect(mathml(tex, true)).toContain("<math");
});
