import { type ClipboardEvent, type DragEvent, useEffect, useState } from "react";
import { MAX_ATTACHMENTS, SyncRefusal, type Upload } from "../sync";
import { useClient, useReadable } from "./client";
import { useWords } from "./i18n";

/** The files of the message that is being written: chosen, pasted or dropped. `keep` is told the ids, as a draft. */
export function useAttaching(first: readonly string[], keep: (ids: readonly string[]) => void) {
  const client = useClient();
  const words = useWords();
  const uploads = useReadable(client.uploads);
  const [ids, setIds] = useState<readonly string[]>(first);
  const [problem, setProblem] = useState("");
  const [over, setOver] = useState(false);
  const files = ids
    .map((id) => uploads.find((upload) => upload.id === id))
    .filter((upload): upload is Upload => upload !== undefined);

  const set = (next: readonly string[]) => {
    setIds(next);
    keep(next);
  };
  const add = (chosen: Iterable<File>) => {
    setProblem("");
    const next = [...files.map(({ id }) => id)];
    for (const file of chosen) {
      if (next.length >= MAX_ATTACHMENTS) {
        setProblem(words.t("composer.too_many_files", { n: MAX_ATTACHMENTS }));
        break;
      }
      try {
        next.push(client.attach(file));
      } catch (error) {
        const code = error instanceof SyncRefusal ? error.code : "";
        setProblem(words.code("refused", code, words.t("upload.refused")));
      }
    }
    set(next);
  };
  return {
    files,
    problem,
    over,
    add,
    failed: files.some(({ state }) => state === "failed"),
    remove: (id: string) => {
      client.detach(id);
      setProblem("");
      set(ids.filter((other) => other !== id));
    },
    /** The message has been sent with them. */
    clear: () => set([]),
    onPaste: (event: ClipboardEvent) => {
      // A copied table comes as text and as a picture of it: the text is what is meant.
      if (event.clipboardData.types.includes("text/plain") || event.clipboardData.files.length === 0) return;
      event.preventDefault();
      add(event.clipboardData.files);
    },
    drop: {
      onDragOver: (event: DragEvent) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: (event: DragEvent) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      },
      onDrop: (event: DragEvent) => {
        setOver(false);
        if (event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        add(event.dataTransfer.files);
      },
    },
  };
}

/** Have the browser ask before the page is left while a file is on its way: it would be lost. */
export function useUploadGuard(): void {
  const busy = useReadable(useClient().uploads).some(
    ({ state }) => state === "waiting" || state === "uploading",
  );
  useEffect(() => {
    if (!busy) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);
}
