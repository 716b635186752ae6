import { type ClipboardEvent, useEffect, useRef, useState } from "react";
import { MAX_ATTACHMENTS, SyncRefusal, type Upload } from "../sync";
import { useClient, useReadable } from "./client";
import { useWords } from "./i18n";

/** Who takes what is dropped on the page: the field that was opened last. */
const takers: object[] = [];

/** The files of the message that is being written: chosen, pasted or dropped. `keep` is told the ids, as a draft. */
export function useAttaching(
  first: readonly string[],
  keep: (ids: readonly string[]) => void,
  disabled = false,
) {
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
  // Wherever a file is dropped on the page, it is meant for the message: the browser would leave the page and open it.
  const take = useRef(add);
  take.current = disabled ? () => {} : add;
  useEffect(() => {
    const me = {};
    takers.push(me);
    const mine = () => takers.at(-1) === me;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    const dragged = (event: DragEvent) => {
      if (!carries(event) || !mine()) return;
      event.preventDefault();
      const modal = document.querySelector("dialog[open]") !== null;
      if (event.dataTransfer) event.dataTransfer.dropEffect = modal ? "none" : "copy";
      setOver(!modal);
    };
    const left = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const dropped = (event: DragEvent) => {
      if (!carries(event) || !mine()) return;
      event.preventDefault();
      setOver(false);
      if (document.querySelector("dialog[open]") === null) take.current(event.dataTransfer?.files ?? []);
    };
    window.addEventListener("dragover", dragged);
    window.addEventListener("dragleave", left);
    window.addEventListener("drop", dropped);
    return () => {
      takers.splice(takers.indexOf(me), 1);
      window.removeEventListener("dragover", dragged);
      window.removeEventListener("dragleave", left);
      window.removeEventListener("drop", dropped);
    };
  }, []);
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
    /** A text that would make the message too long, or is longer than anybody writes, goes along as a file of its own. */
    addText: (text: string) => {
      const taken = new Set(files.map(({ name }) => name));
      for (let n = 1; ; n++) {
        const name = words.t(n === 1 ? "composer.pasted" : "composer.pasted_n", { n });
        if (taken.has(name)) continue;
        return add([new File([text], name, { type: "text/plain" })]);
      }
    },
    onPaste: (event: ClipboardEvent) => {
      // A copied table comes as text and as a picture of it: the text is what is meant.
      if (event.clipboardData.types.includes("text/plain") || event.clipboardData.files.length === 0) return;
      event.preventDefault();
      add(event.clipboardData.files);
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
