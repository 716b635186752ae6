// Requests over HTTP: what the page needs before the socket, the list, older pages, a call whole.
import type { LocalFile } from "./files";
import type { Cancel, HttpAnswer, Ports } from "./ports";
import { type FieldProblems, HttpError, type Problem, type ProblemCode } from "./problem";
import type {
  AttachmentRef,
  Boot,
  CallDetail,
  ConversationList,
  ItemPage,
  PlacePage,
  SearchPage,
} from "./protocol.gen";
import type { SearchFilters } from "./search";
import type { Timeline } from "./timeline";

/** The paths of chat/entrances/web/urls.py. */
export class Http {
  #csrf = "";

  constructor(
    private readonly fetch: Ports["fetch"],
    private readonly send: Ports["upload"],
  ) {}

  /** Who the user is, which agents there are, and the token that later requests carry. */
  async boot(): Promise<Boot> {
    const boot = (await this.#get("/api/boot")) as Boot;
    this.#csrf = boot.csrf;
    return boot;
  }

  /** A page of the list, newest first; `before`: the `updated_at` of the last entry of the page before it. */
  async conversations(
    query: string,
    before: number | null,
    limit: number,
    archived = false,
  ): Promise<ConversationList> {
    const place = `${before === null ? "" : `&before=${before}`}${archived ? "&archived=1" : ""}`;
    const path = `/api/conversations?q=${encodeURIComponent(query)}&limit=${limit}${place}`;
    return (await this.#get(path)) as ConversationList;
  }

  /** The newest items of a branch before the one at `before`, ascending; none that is not behind `after`. */
  async items(
    conversation: string,
    before: number,
    branch?: string,
    limit?: number,
    after?: number,
  ): Promise<ItemPage> {
    const page = (await this.#items(conversation, `before=${before}`, branch, limit)) as ItemPage;
    if (after === undefined) return page;
    const items = page.items.filter((item) => item.seq > after);
    return { items, more: page.more && items.length === page.items.length };
  }

  /** The first items of a branch behind a place and before another one, ascending. */
  async itemsAfter(
    conversation: string,
    after: number,
    before: number,
    branch?: string,
    limit?: number,
  ): Promise<ItemPage> {
    const place = `after=${after}&before=${before}`;
    return (await this.#items(conversation, place, branch, limit)) as ItemPage;
  }

  #items(conversation: string, place: string, branch?: string, limit?: number): Promise<unknown> {
    const of = branch === undefined ? "" : `&branch=${encodeURIComponent(branch)}`;
    const most = limit === undefined ? "" : `&limit=${limit}`;
    return this.#get(`/api/conversations/${encodeURIComponent(conversation)}/items?${place}${most}${of}`);
  }

  /** A page of what is found in all conversations; `after`: the `next` of the page before. */
  async search(query: string, filters: SearchFilters, after: string | null): Promise<SearchPage> {
    const { kinds = [], agent = "", entrance = "", archived, since } = filters;
    const asked = {
      kinds: kinds.join(","),
      agent,
      entrance,
      archived: archived === undefined ? "" : archived ? "1" : "0",
      since: since ?? "",
      after: after ?? "",
    };
    const rest = Object.entries(asked).filter(([, value]) => value !== "");
    const told = [["q", query], ...rest].map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`);
    return (await this.#get(`/api/search?${told.join("&")}`)) as SearchPage;
  }

  /** All places of a conversation in which something is, on the branch that is shown, or on another one. */
  async find(conversation: string, query: string, branch?: string): Promise<PlacePage> {
    const of = branch === undefined ? "" : `&branch=${encodeURIComponent(branch)}`;
    const path = `/api/conversations/${encodeURIComponent(conversation)}/find`;
    return (await this.#get(`${path}?q=${encodeURIComponent(query)}${of}`)) as PlacePage;
  }

  async call(conversation: string, call: string): Promise<CallDetail> {
    const path = `/api/conversations/${encodeURIComponent(conversation)}/calls/${encodeURIComponent(call)}`;
    return (await this.#get(path)) as CallDetail;
  }

  async timeline(conversation: string, run: string): Promise<Timeline> {
    const path = `/api/conversations/${encodeURIComponent(conversation)}/runs/${encodeURIComponent(run)}/timeline`;
    return (await this.#get(path)) as Timeline;
  }

  /** Pin or archive conversations, or undo it; what is not named stays. */
  async mark(ids: readonly string[], marks: { pinned?: boolean; archived?: boolean }): Promise<void> {
    await this.request("POST", "/api/marks", { ids, ...marks });
  }

  /** Send a file up under an id; the same id again changes nothing. */
  upload(
    id: string,
    file: LocalFile,
    progress: (fraction: number) => void,
  ): { answer: Promise<AttachmentRef>; abort: Cancel } {
    const { answer, abort } = this.sendFile("/api/attachments", { id }, file, progress);
    return { answer: answer as Promise<AttachmentRef>, abort };
  }

  /** Send a form with a file; rejects with `HttpError` for anything but a good answer. */
  sendFile(
    path: string,
    fields: Record<string, string>,
    file: LocalFile,
    progress: (fraction: number) => void,
  ): { answer: Promise<unknown>; abort: Cancel } {
    const headers = { Accept: "application/json", "X-CSRFToken": this.#csrf };
    const sending = this.send(path, headers, fields, file, progress);
    const parsed = async (): Promise<unknown> => {
      let answer: HttpAnswer;
      try {
        answer = await sending.answer;
      } catch {
        throw new HttpError({ code: "offline", status: 0, detail: "", retry: true });
      }
      if (answer.status !== 200 && answer.status !== 201) throw new HttpError(problemIn(answer));
      return parse(answer.text);
    };
    return { answer: parsed(), abort: sending.abort };
  }

  #get(path: string): Promise<unknown> {
    return this.request("GET", path);
  }

  /** The parsed body of a good answer; rejects with `HttpError` for anything else. `body` is sent as JSON. */
  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.#csrf !== "") headers["X-CSRFToken"] = this.#csrf;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: HttpAnswer;
    try {
      answer = await this.fetch(method, path, headers, body === undefined ? undefined : JSON.stringify(body));
    } catch {
      throw new HttpError({ code: "offline", status: 0, detail: "", retry: true });
    }
    if (answer.status !== 200 && answer.status !== 201) throw new HttpError(problemIn(answer));
    return parse(answer.text);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A login page or a proxy's page that says 200.
    throw new HttpError({ code: "bad_answer", status: 200, detail: "", retry: true });
  }
}

/** What an answer that is not 200 means. `opaqueredirect` comes as status 0: Django sends strangers to the login. */
function problemIn({ status, text }: HttpAnswer): Problem {
  const [code, retry] = meaning(status);
  const reason = field(text, "code");
  const fields = fieldsOf(text);
  return {
    code,
    status,
    detail: field(text, "detail"),
    ...(reason ? { reason } : {}),
    retry,
    ...(fields ? { fields } : {}),
  };
}

function fieldsOf(text: string): FieldProblems | null {
  try {
    const { fields } = JSON.parse(text) as { fields?: FieldProblems };
    return typeof fields === "object" ? fields : null;
  } catch {
    return null;
  }
}

function meaning(status: number): [ProblemCode, boolean] {
  if (status === 401 || status === 0 || (status >= 300 && status < 400)) return ["logged_out", false];
  if (status === 404) return ["not_found", false];
  if (status === 429) return ["too_fast", true];
  if (status >= 500) return ["server", true];
  return ["refused", false];
}

function field(text: string, name: "code" | "detail"): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && name in body)
      return String((body as Record<string, unknown>)[name]).slice(0, 300);
  } catch {
    // Not ours: a proxy's page says nothing that a person could use.
  }
  return "";
}
