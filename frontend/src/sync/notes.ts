// What agents have noted for a person, over HTTP (chat/entrances/web/notes.py). Moments are milliseconds since the Unix epoch.
import type { Http } from "./http";

export interface NoteEntry {
  number: number;
  text: string;
  created_at: number;
  /** Where it was written down, and by which agent (a slug); null: not known, or the conversation is gone. */
  conversation: string | null;
  title: string | null;
  agent: string | null;
}

export interface NoteList {
  /** Newest first. */
  notes: readonly NoteEntry[];
  /** How many there may be. */
  most: number;
}

/** All of these reject with `HttpError`. */
export interface Notes {
  list(): Promise<NoteList>;
  change(number: number, text: string): Promise<NoteEntry>;
  remove(number: number): Promise<void>;
  removeAll(): Promise<void>;
}

const PATH = "/api/notes";

export class HttpNotes implements Notes {
  constructor(private readonly http: Http) {}

  async list(): Promise<NoteList> {
    return (await this.http.request("GET", PATH)) as NoteList;
  }

  async change(number: number, text: string): Promise<NoteEntry> {
    return (await this.http.request("PATCH", `${PATH}/${number}`, { text })) as NoteEntry;
  }

  async remove(number: number): Promise<void> {
    await this.http.request("DELETE", `${PATH}/${number}`);
  }

  async removeAll(): Promise<void> {
    await this.http.request("DELETE", PATH);
  }
}
