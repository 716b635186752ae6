import { useWords } from "../i18n";
import { Code } from "./Code";
import { CopyButton } from "./CopyButton";

/** A block of code with its language and a button that copies it. */
export function CodeFrame({ text, language }: { text: string; language: string }) {
  const words = useWords();
  return (
    <div className="code-frame">
      <div className="code-head">
        <span>{language}</span>
        <CopyButton text={() => text} label={words.t("code.copy")} done={words.t("code.copied")} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard. */}
      <pre tabIndex={0}>
        <Code text={text.replace(/\n$/, "")} language={language.toLowerCase()} />
      </pre>
    </div>
  );
}
