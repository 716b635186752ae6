// Files on their way to the server. Each goes up as soon as it is chosen, and again after a lost link; a file lives in
// this tab's memory only, so what has not arrived when the page is closed or reloaded is lost, and is said to be.
import { backoff } from "./backoff";
import type { LocalFile, Upload, UploadCode } from "./files";
import type { Http } from "./http";
import type { Cancel, Clock } from "./ports";
import { HttpError } from "./problem";
import type { AttachmentRef } from "./protocol.gen";

/** Uploads at the same time. */
const AT_ONCE = 2;

interface Slot {
  file: LocalFile;
  upload: Upload;
  tries: number;
  cancel: Cancel;
}

export class Uploads {
  #slots = new Map<string, Slot>();

  /** `changed` hears of every change, with the id of the file. */
  constructor(
    private readonly http: Pick<Http, "upload">,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly changed: (id: string) => void,
  ) {}

  get all(): readonly Upload[] {
    return [...this.#slots.values()].map(({ upload }) => upload);
  }

  get(id: string): Upload | undefined {
    return this.#slots.get(id)?.upload;
  }

  /** Take a file and send it up. `limit`: bytes that the server takes. */
  add(id: string, file: LocalFile, limit: number): void {
    const { name, size, type } = file;
    const code = size > limit ? "too_large" : size === 0 ? "empty" : null;
    const upload: Upload = {
      id,
      name,
      size,
      media_type: type,
      file,
      state: code === null ? "waiting" : "failed",
      progress: 0,
      code,
      detail: "",
    };
    this.#slots.set(id, { file, upload, tries: 0, cancel: () => {} });
    this.changed(id);
    this.#pump();
  }

  /** A file that went up before this page was loaded, and was not sent: of it only what the server answered is left. */
  restore({ id, name, media_type, size }: AttachmentRef): void {
    if (this.#slots.has(id)) return;
    const file: LocalFile = { name, size, type: media_type };
    const done = { state: "done", progress: 1, code: null, detail: "" } as const;
    this.#slots.set(id, {
      file,
      upload: { id, name, size, media_type, file, ...done },
      tries: 0,
      cancel: () => {},
    });
    this.changed(id);
  }

  /** Forget a file, on its way or not. */
  remove(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#slots.delete(id);
    slot.cancel();
    this.changed(id);
    this.#pump();
  }

  /** The link is back: what waits for a later try is tried now. */
  resume(): void {
    for (const slot of this.#slots.values()) {
      if (slot.upload.state !== "waiting") continue;
      slot.cancel();
      slot.cancel = () => {};
      slot.tries = 0;
    }
    this.#pump();
  }

  dispose(): void {
    for (const slot of this.#slots.values()) slot.cancel();
    this.#slots.clear();
  }

  #pump(): void {
    const busy = this.all.filter(({ state }) => state === "uploading").length;
    const next = [...this.#slots].filter(
      ([, { upload, tries }]) => upload.state === "waiting" && tries === 0,
    );
    for (const [id, slot] of next.slice(0, Math.max(0, AT_ONCE - busy))) void this.#send(id, slot);
  }

  async #send(id: string, slot: Slot): Promise<void> {
    const mine = (): boolean => this.#slots.get(id) === slot;
    this.#set(id, slot, { state: "uploading", progress: 0 });
    const sending = this.http.upload(id, slot.file, (progress) => {
      if (mine() && slot.upload.state === "uploading") this.#set(id, slot, { progress });
    });
    slot.cancel = sending.abort;
    try {
      const { name, size, media_type } = await sending.answer;
      if (mine()) this.#set(id, slot, { state: "done", progress: 1, name, size, media_type });
    } catch (error) {
      if (mine()) this.#failed(id, slot, error);
    }
    this.#pump();
  }

  #failed(id: string, slot: Slot, error: unknown): void {
    const problem = error instanceof HttpError ? error.problem : null;
    if (problem?.retry !== true) {
      const code = (problem?.reason ?? problem?.code ?? "refused") as UploadCode;
      this.#set(id, slot, { state: "failed", progress: 0, code, detail: problem?.detail ?? "" });
      return;
    }
    slot.tries += 1;
    slot.cancel = this.clock.after(500 + backoff(slot.tries, this.random()), () => {
      slot.tries = 0;
      this.#pump();
    });
    this.#set(id, slot, { state: "waiting", progress: 0 });
  }

  #set(id: string, slot: Slot, change: Partial<Upload>): void {
    slot.upload = { ...slot.upload, ...change };
    this.changed(id);
  }
}
