/**
 * The sync engine of the web chat. Everything that the UI may import comes from here, and `browserPorts` from `./browser`.
 *
 *     const client = createClient(browserPorts());
 *     client.start();
 *     const release = client.open(id);
 *     const view = useSyncExternalStore(client.conversation(id).subscribe, client.conversation(id).getSnapshot);
 */
export * from "./api";
export type { Begun, Copies } from "./copies";
export type { Draft, Drafts } from "./drafts";
export type { LocalFile, Upload, UploadCode } from "./files";
export type * from "./notes";
export type { Place, Places } from "./places";
export type { Ports } from "./ports";
export { type FieldProblems, HttpError, type Problem, type ProblemCode } from "./problem";
export type * from "./protocol.gen";
export { MAX_ATTACHMENTS, MAX_NOTE, MAX_TEXT, PROTOCOL, WINDOW } from "./protocol.gen";
export type * from "./schedules";
export type { SearchFilters } from "./search";
export { isBlank } from "./text";
export type { Span, Timeline } from "./timeline";
export type * from "./triggers";

import type { Client } from "./api";
import { Engine } from "./engine";
import type { Ports } from "./ports";

/** The engine on the given ports; nothing happens before `start`. */
export function createClient(ports: Ports): Client {
  return new Engine(ports);
}
