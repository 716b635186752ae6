import { ChevronLeft, ChevronRight, ExternalLink, X } from "lucide-react";
import { useEffect, useState } from "react";
import type { AttachmentRef } from "../../sync";
import { attachmentAddress } from "../addresses";
import { useWords } from "../i18n";
import { Dialog } from "./Dialog";

interface Props {
  pictures: readonly AttachmentRef[];
  first: string;
  onClose: () => void;
}

/** The pictures of a message, large, one at a time. */
export default function Lightbox({ pictures, first, onClose }: Props) {
  const words = useWords();
  const [at, setAt] = useState(() =>
    Math.max(
      0,
      pictures.findIndex(({ id }) => id === first),
    ),
  );
  const all = pictures.length;
  useEffect(() => {
    const turn = (event: KeyboardEvent) => {
      const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      if (by !== 0) setAt((before) => (before + by + all) % all);
    };
    window.addEventListener("keydown", turn);
    return () => window.removeEventListener("keydown", turn);
  }, [all]);
  const shown = pictures[at];
  if (!shown) return null;
  const many = pictures.length > 1;
  const step = (by: number) => setAt((at + by + all) % all);
  return (
    <Dialog title={shown.name} hideTitle className="dialog lightbox" testid="lightbox" onClose={onClose}>
      <div className="flex h-full min-h-0 flex-col">
        <div className="flex flex-none items-center gap-1 px-2 py-1.5 text-sm">
          <span className="min-w-0 flex-1 truncate px-2 font-medium" aria-live="polite">
            {shown.name}
            {many && (
              <span className="text-ink-2">
                {" "}
                · {words.t("image.of", { n: at + 1, all: pictures.length })}
              </span>
            )}
          </span>
          <a
            className="icon-button"
            href={attachmentAddress(shown.id)}
            target="_blank"
            rel="noopener"
            aria-label={words.t("message.open_image", { name: shown.name })}
          >
            <ExternalLink size={17} />
          </a>
          <button
            type="button"
            className="icon-button"
            aria-label={words.t("dialog.close")}
            data-testid="lightbox-close"
            onClick={onClose}
          >
            <X size={18} />
          </button>
        </div>
        <div className="relative grid min-h-0 flex-1 place-items-center p-2">
          <img
            key={shown.id}
            src={attachmentAddress(shown.id)}
            alt={shown.name}
            className="max-h-full max-w-full rounded-lg object-contain"
          />
          {many && (
            <>
              <button
                type="button"
                className="icon-button absolute top-1/2 left-2 bg-raised/80!"
                aria-label={words.t("image.before")}
                onClick={() => step(-1)}
              >
                <ChevronLeft size={20} />
              </button>
              <button
                type="button"
                className="icon-button absolute top-1/2 right-2 bg-raised/80!"
                aria-label={words.t("image.after")}
                data-testid="lightbox-next"
                onClick={() => step(1)}
              >
                <ChevronRight size={20} />
              </button>
            </>
          )}
        </div>
      </div>
    </Dialog>
  );
}
