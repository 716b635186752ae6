// A renderer as a package of others would bring it (docs/renderers.md); the tests give it to the calculator.
export const api = 1;

export default function forecast({ text, arguments: asked, language }) {
  if (text.includes("1764")) throw new Error("this one cannot be drawn");
  if (text.includes("144")) return { kind: "html", html: "<img src=x onerror=alert(1)>" };
  return {
    kind: "group",
    views: [
      { kind: "heading", text: language === "zh" ? "结果" : "Outcome" },
      { kind: "table", columns: ["asked", "got"], rows: [[JSON.parse(asked).expression, text]] },
      { kind: "link", text: "a bad link", href: "javascript:alert(1)" },
      { kind: "text", text: "<b>not bold</b>", tone: "quiet" },
    ],
  };
}
