import { useWords } from "../i18n";
import { Dialog } from "./Dialog";

/** Asks before something is ended that does not come back. */
export function Confirm(props: {
  title: string;
  text: string;
  label: string;
  testid: string;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const words = useWords();
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p className="text-sm text-ink-2 [overflow-wrap:anywhere]">{props.text}</p>
      <div className="mt-5 flex justify-end gap-2">
        <button type="button" className="button" data-testid="dialog-cancel" onClick={props.onClose}>
          {words.t("dialog.cancel")}
        </button>
        <button
          type="button"
          className="button danger"
          data-testid={props.testid}
          onClick={() => {
            props.onConfirm();
            props.onClose();
          }}
        >
          {props.label}
        </button>
      </div>
    </Dialog>
  );
}
