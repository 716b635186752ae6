import { CircleAlert, CircleCheck, FileText, LoaderCircle, X } from "lucide-react";
import type { Upload } from "../sync";
import { useSetup } from "./client";
import { useWords } from "./i18n";
import { useLocalPicture } from "./parts/Files";

/** The files of a message that is being written, each with how far it is, or why it cannot be attached. */
export function ComposerFiles(props: { files: readonly Upload[]; onRemove: (id: string) => void }) {
  const words = useWords();
  if (props.files.length === 0) return null;
  return (
    <ul
      className="flex flex-wrap gap-2 px-3 pt-3"
      aria-label={words.t("composer.files")}
      data-testid="composer-files"
    >
      {props.files.map((file) => (
        <Chip key={file.id} file={file} onRemove={() => props.onRemove(file.id)} />
      ))}
    </ul>
  );
}

function Chip({ file, onRemove }: { file: Upload; onRemove: () => void }) {
  const words = useWords();
  const { boot } = useSetup();
  const url = useLocalPicture(file.file);
  const failed = file.state === "failed";
  const state = failed
    ? words
        .code("upload", file.code ?? "", file.detail || words.t("upload.refused"))
        .replace("{n}", words.fileSize(boot.max_file))
    : file.state === "done"
      ? words.fileSize(file.size)
      : file.state === "waiting"
        ? words.t("composer.file_waiting")
        : words.t("composer.file_uploading", { n: Math.round(file.progress * 100) });
  return (
    <li
      className={`flex max-w-full items-center gap-2.5 rounded-xl border py-1.5 pr-1.5 pl-2 text-sm sm:max-w-80 ${failed ? "border-danger" : "border-line"}`}
      data-testid="composer-file"
      data-id={file.id}
      data-state={file.state}
      data-code={file.code ?? ""}
    >
      {url ? (
        <img src={url} alt="" width={40} height={40} className="size-10 flex-none rounded-lg object-cover" />
      ) : (
        <FileText size={20} className="mx-1 flex-none text-accent" aria-hidden="true" />
      )}
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{file.name}</span>
        <span
          className={`flex items-center gap-1 text-xs ${failed ? "text-danger" : "text-ink-2"}`}
          role={failed ? "alert" : undefined}
        >
          <StateIcon state={file.state} />
          <span>{state}</span>
          {file.state === "done" && <span className="sr-only">{words.t("composer.file_done")}</span>}
        </span>
      </span>
      <button
        type="button"
        className="grid size-8 flex-none place-items-center rounded-full text-ink-2 hover:bg-hover"
        aria-label={words.t("composer.file_remove", { name: file.name })}
        data-testid="composer-file-remove"
        onClick={onRemove}
      >
        <X size={15} aria-hidden="true" />
      </button>
    </li>
  );
}

function StateIcon({ state }: { state: Upload["state"] }) {
  if (state === "failed") return <CircleAlert size={13} className="flex-none" aria-hidden="true" />;
  if (state === "done") return <CircleCheck size={13} className="flex-none text-ok" aria-hidden="true" />;
  return <LoaderCircle size={13} className="spin flex-none" aria-hidden="true" />;
}
