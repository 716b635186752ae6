// Files that a person attaches, from the moment they are chosen.
import type { ProblemCode } from "./problem";

/** A file that a person chose: a `File` of the browser, of which the engine needs to know no more. */
export interface LocalFile {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** Why a file cannot be attached; the server's own codes and those of any request. */
export type UploadCode =
  | ProblemCode
  | "empty"
  | "too_large"
  | "too_many_pixels"
  | "broken_image"
  | "not_text"
  | "wrong_type"
  | "too_many_files"
  | "id_reused";

/** A file that was chosen. `waiting`: for its turn or for the link; `done`: the server has it, checked. */
export interface Upload {
  id: string;
  name: string;
  size: number;
  /** As the browser guesses, and once `done` as the server found. */
  media_type: string;
  file: LocalFile;
  state: "waiting" | "uploading" | "done" | "failed";
  /** 0 to 1. */
  progress: number;
  code: UploadCode | null;
  /** What the server said, for people; may be empty. */
  detail: string;
}
