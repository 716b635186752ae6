import { FileText, ImageOff } from "lucide-react";
import { lazy, memo, Suspense, useEffect, useState } from "react";
import type { AttachmentRef, LocalFile } from "../../sync";
import { attachmentAddress } from "../addresses";
import { chunk } from "../chunks";
import { useClient, useReadable } from "../client";
import { useWords } from "../i18n";
import { Guard } from "./Guard";

const Lightbox = lazy(chunk(() => import("./Lightbox")));

/** The address of a picture that this tab has in memory; empty while there is none. */
export function useLocalPicture(file: LocalFile | undefined): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    if (!(file instanceof Blob) || !file.type.startsWith("image/")) return;
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl("");
    };
  }, [file]);
  return url;
}

/** What came with a message: pictures as thumbnails, other files by name. `pending`: the server may not have them yet. */
export const Files = memo(function Files(props: { files: readonly AttachmentRef[]; pending?: boolean }) {
  const words = useWords();
  const [large, setLarge] = useState<string | null>(null);
  const pictures = props.files.filter((file) => file.media_type.startsWith("image/"));
  return (
    <>
      <ul className="mb-1.5 flex flex-wrap justify-end gap-2" aria-label={words.t("message.attachments")}>
        {props.files.map((file) => (
          <li key={file.id} className="max-w-full" data-testid="attachment" data-id={file.id}>
            {props.pending ? <PendingFile file={file} /> : <SentFile file={file} onEnlarge={setLarge} />}
          </li>
        ))}
      </ul>
      {large !== null && (
        <Guard fallback={null}>
          <Suspense fallback={null}>
            <Lightbox pictures={pictures} first={large} onClose={() => setLarge(null)} />
          </Suspense>
        </Guard>
      )}
    </>
  );
});

function SentFile({ file, onEnlarge }: { file: AttachmentRef; onEnlarge: (id: string) => void }) {
  const words = useWords();
  const picture = file.media_type.startsWith("image/");
  return (
    <a
      href={attachmentAddress(file.id)}
      target="_blank"
      rel="noopener"
      className="block max-w-full rounded-xl no-underline"
      onClick={(event) => {
        if (!picture || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        onEnlarge(file.id);
      }}
      aria-label={words.t(picture ? "message.enlarge" : "message.open_file", { name: file.name })}
    >
      {picture ? <Picture url={attachmentAddress(file.id)} file={file} /> : <Named file={file} />}
    </a>
  );
}

function PendingFile({ file }: { file: AttachmentRef }) {
  const upload = useReadable(useClient().uploads).find(({ id }) => id === file.id);
  const url = useLocalPicture(upload?.file);
  return url ? <Picture url={url} file={file} /> : <Named file={file} />;
}

/** Of one size, whatever the picture's, so that nothing moves when it has been loaded. */
function Picture({ url, file }: { url: string; file: AttachmentRef }) {
  const [broken, setBroken] = useState(false);
  if (broken) return <Named file={file} broken />;
  return (
    <img
      src={url}
      alt={file.name}
      title={file.name}
      width={176}
      height={132}
      loading="lazy"
      className="h-33 w-44 rounded-xl border border-line bg-sunken object-cover"
      onError={() => setBroken(true)}
    />
  );
}

function Named({ file, broken = false }: { file: AttachmentRef; broken?: boolean }) {
  const words = useWords();
  const Icon = broken ? ImageOff : FileText;
  return (
    <span className="flex max-w-72 items-center gap-2 rounded-xl border border-line bg-raised px-3 py-2 text-sm">
      <Icon size={18} className="flex-none text-accent" aria-hidden="true" />
      <span className="min-w-0">
        <span className="block truncate font-medium">{file.name}</span>
        <span className="block text-xs text-ink-2">{words.fileSize(file.size)}</span>
      </span>
    </span>
  );
}
