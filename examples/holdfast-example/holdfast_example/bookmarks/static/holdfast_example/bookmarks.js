// Draws the result of the tool `bookmarks` in the web chat (docs/renderers.md): a list of links.
export const api = 1;

export default function bookmarks({ data, language }) {
  if (!data || !Array.isArray(data.bookmarks)) return null;
  const count = data.bookmarks.length;
  return {
    kind: "group",
    views: [
      { kind: "heading", text: language === "zh" ? `${count} 个书签` : count === 1 ? "1 bookmark" : `${count} bookmarks` },
      {
        kind: "list",
        items: data.bookmarks.map((one) => ({ kind: "link", text: one.title || one.url, href: one.url })),
      },
    ],
  };
}
