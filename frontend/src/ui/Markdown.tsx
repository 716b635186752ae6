import { type ComponentProps, isValidElement, type ReactNode, useMemo, useRef } from "react";
import remarkCjkFriendly from "remark-cjk-friendly";
import {
  type Components,
  defaultRehypePlugins,
  defaultRemarkPlugins,
  Streamdown,
  type StreamdownProps,
} from "streamdown";
import { cellsOf, toCsv } from "./csv";
import { foreignPictures, hostOf, PICTURE } from "./foreignPictures";
import { useWords } from "./i18n";
import { linkEnds } from "./linkEnds";
import { isSafeImage, isSafeLink } from "./links";
import { DISPLAY, INLINE, withMathSpans } from "./mathSpans";
import { CodeFrame } from "./parts/CodeFrame";
import { CopyButton } from "./parts/CopyButton";
import { MathSpan } from "./parts/MathSpan";

/*
 * An answer is text from a model, which may repeat what a web page told it. So: links go to
 * http(s) and mailto only, and an image is shown only from our own origin (a foreign one would tell its owner what
 * the conversation says, so it becomes a link), HTML is shown as the text it is. The library's filter lets a few more schemes pass; `Anchor` and `Picture` check again.
 */
const origin = window.location.origin;
const harden = defaultRehypePlugins.harden;
const hardenPlugin = Array.isArray(harden) ? harden[0] : harden;

const rehypePlugins = [
  defaultRehypePlugins.sanitize,
  [
    hardenPlugin,
    {
      defaultOrigin: origin,
      allowedLinkPrefixes: ["*"],
      allowedImagePrefixes: [`${origin}/`],
      allowedProtocols: [],
      allowDataImages: false,
      linkBlockPolicy: "text-only",
      imageBlockPolicy: "text-only",
    },
  ],
] as NonNullable<StreamdownProps["rehypePlugins"]>;

interface MdastNode {
  type: string;
  value?: string;
  children?: MdastNode[];
}

/** The one piece of HTML that means something: a line break, which models write into table cells. */
function lineBreaks() {
  const walk = (node: MdastNode): void => {
    for (const child of node.children ?? []) {
      if (child.type === "html" && /^<br\s*\/?>$/i.test(child.value ?? "")) {
        child.type = "break";
        delete child.value;
      }
      walk(child);
    }
  };
  return walk;
}

// One tilde is a range (`3~5天`), two strike through.
const [gfm] = [defaultRemarkPlugins.gfm].flat();
const remarkPlugins = [
  ...Object.values({ ...defaultRemarkPlugins, gfm: [gfm, { singleTilde: false }] }),
  lineBreaks,
  linkEnds,
  foreignPictures,
] as NonNullable<StreamdownProps["remarkPlugins"]>;

// Without this, `**重点。**后面` is not bold: CommonMark wants a space where Chinese has none.
const plugins: NonNullable<StreamdownProps["plugins"]> = {
  cjk: {
    name: "cjk",
    type: "cjk",
    remarkPluginsBefore: [remarkCjkFriendly],
    remarkPluginsAfter: [],
    remarkPlugins: [remarkCjkFriendly],
  },
};

type Props<T extends keyof React.JSX.IntrinsicElements> = ComponentProps<T> & { node?: unknown };

function Anchor({ node: _, href, children }: Props<"a">) {
  const words = useWords();
  if (!isSafeLink(href)) return <span>{children}</span>;
  if (href.startsWith("#")) return <a href={href}>{children}</a>;
  const told = textOf(children).startsWith(PICTURE)
    ? words.t("image.foreign", { host: hostOf(href) })
    : undefined;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={told} aria-description={told}>
      {children}
    </a>
  );
}

function Picture({ node: _, src, alt }: Props<"img">) {
  const words = useWords();
  if (!isSafeImage(src)) return <span className="text-ink-2">[{alt || words.t("image.blocked")}]</span>;
  return <img src={src} alt={alt ?? ""} loading="lazy" decoding="async" />;
}

function Table({ node: _, children }: Props<"table">) {
  const words = useWords();
  const table = useRef<HTMLTableElement>(null);
  const csv = () => (table.current ? toCsv(cellsOf(table.current)) : "");
  return (
    <div className="table-box">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard. */}
      <div className="table-frame" tabIndex={0}>
        <table ref={table}>{children}</table>
      </div>
      <span className="table-copy" data-testid="table-copy">
        <CopyButton text={csv} label={words.t("table.copy")} done={words.t("message.copied")} />
      </span>
    </div>
  );
}

function textOf(node: ReactNode): string {
  if (typeof node === "string" || typeof node === "number") return String(node);
  if (Array.isArray(node)) return node.map(textOf).join("");
  if (isValidElement<{ children?: ReactNode }>(node)) return textOf(node.props.children);
  return "";
}

function CodeBlock({ node: _, children }: Props<"pre">) {
  const code = isValidElement<{ className?: string; children?: ReactNode }>(children) ? children.props : null;
  const language = /language-([\w+#.-]+)/.exec(code?.className ?? "")?.[1] ?? "";
  const text = textOf(code ? code.children : children);
  if (language === "math") return <MathSpan tex={text.trim()} display />;
  return <CodeFrame text={text} language={language} />;
}

/** The only input that markdown makes: the box of a task list. */
function TaskBox({ checked }: Props<"input">) {
  const words = useWords();
  const done = checked === true;
  return (
    <input type="checkbox" checked={done} disabled aria-label={words.t(done ? "task.done" : "task.open")} />
  );
}

/** Code; or a formula, which was put into a span of code so that Markdown leaves it alone. */
function InlineCode({ node: _, children }: Props<"code">) {
  const text = textOf(children);
  const mark = text[0];
  if (mark === INLINE || mark === DISPLAY) {
    return <MathSpan tex={text.slice(1).trim()} display={mark === DISPLAY} />;
  }
  return <code translate="no">{children}</code>;
}

// Plain elements: the library's own need its class names, ours are styled in prose.css.
const plain = [
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "p",
  "ul",
  "ol",
  "li",
  "blockquote",
  "hr",
  "strong",
] as const;
const tables = ["thead", "tbody", "tr", "th", "td", "sup", "sub", "section"] as const;

const components = {
  ...Object.fromEntries([...plain, ...tables].map((name) => [name, name])),
  a: Anchor,
  img: Picture,
  table: Table,
  pre: CodeBlock,
  code: InlineCode,
  input: TaskBox,
} as Components;

const noLinkDialog = { enabled: false };

/** Markdown of an answer. `streaming`: it may end in the middle of a construct. Loaded lazily: it is most of the bytes. */
export default function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  const source = useMemo(() => withMathSpans(text), [text]);
  return (
    <Streamdown
      className="prose"
      mode={streaming ? "streaming" : "static"}
      parseIncompleteMarkdown={streaming}
      components={components}
      remarkPlugins={remarkPlugins}
      rehypePlugins={rehypePlugins}
      plugins={plugins}
      controls={false}
      linkSafety={noLinkDialog}
    >
      {source}
    </Streamdown>
  );
}
