import { isSafeImage, isSafeLink } from "../links";
import { Code } from "../parts/Code";
import type { Tone, View } from "./contract";

const tints: Record<Tone, string> = {
  plain: "",
  quiet: "text-ink-2",
  strong: "font-medium",
  good: "text-ok",
  warn: "text-warn",
  bad: "text-danger",
};

/** A view, drawn. Everything in it is text; nothing in it is HTML. */
export function ViewTree({ view }: { view: View }) {
  if (typeof view === "string") return <span className="whitespace-pre-wrap">{view}</span>;
  switch (view.kind) {
    case "text":
      return <span className={`whitespace-pre-wrap ${tints[view.tone ?? "plain"]}`}>{view.text}</span>;
    case "heading":
      return <p className="font-medium">{view.text}</p>;
    case "group":
      return (
        <div className="space-y-2">
          {numbered(view.views).map(([key, each]) => (
            <div key={key}>
              <ViewTree view={each} />
            </div>
          ))}
        </div>
      );
    case "list": {
      const List = view.ordered ? "ol" : "ul";
      return (
        <List className={`space-y-1 pl-5 ${view.ordered ? "list-decimal" : "list-disc"}`}>
          {numbered(view.items).map(([key, each]) => (
            <li key={key}>
              <ViewTree view={each} />
            </li>
          ))}
        </List>
      );
    }
    case "table":
      return <Table view={view} />;
    case "fields":
      return (
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
          {numbered(view.fields).map(([key, [name, each]]) => (
            <div key={key} className="contents">
              <dt className="text-ink-2">{name}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">
                <ViewTree view={each} />
              </dd>
            </div>
          ))}
        </dl>
      );
    case "code":
      return (
        <pre className="plain-code overflow-x-auto whitespace-pre-wrap">
          <Code text={view.text} language={view.language ?? ""} />
        </pre>
      );
    case "link":
      if (!isSafeLink(view.href)) return <span>{view.text}</span>;
      return (
        <a
          className="text-accent underline underline-offset-2 [overflow-wrap:anywhere]"
          href={view.href}
          target="_blank"
          rel="noopener noreferrer nofollow"
        >
          {view.text}
        </a>
      );
    case "image":
      if (!isSafeImage(view.src)) return <span className="text-ink-2">[{view.alt}]</span>;
      return (
        <img
          className="max-w-full rounded-lg"
          src={view.src}
          alt={view.alt}
          loading="lazy"
          decoding="async"
        />
      );
    case "meter":
      return (
        <span className="flex items-center gap-2">
          <meter className="h-2 w-32" min={0} max={1} value={view.value} aria-label={view.label} />
          <span>{view.label}</span>
        </span>
      );
  }
}

function Table({ view }: { view: Extract<View, { kind: "table" }> }) {
  return (
    <table className="w-full border-collapse text-left tabular-nums">
      <thead>
        <tr>
          {numbered(view.columns).map(([key, name]) => (
            <th
              key={key}
              scope="col"
              className="border-b border-line-strong py-1 pr-4 font-medium text-ink-2"
            >
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {numbered(view.rows).map(([key, row]) => (
          <tr key={key}>
            {numbered(row).map(([place, cell]) => (
              <td key={place} className="border-b border-line py-1 pr-4 align-top">
                <ViewTree view={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** With keys: a view is drawn once and never changes, so that places are names enough. */
function numbered<T>(all: readonly T[]): [string, T][] {
  return all.map((each, place) => [String(place), each]);
}
