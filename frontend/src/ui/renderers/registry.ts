// Which renderer shows a result: a module that the tool's package brought, else a built-in one for the media type, else
// none, and the result is text.
import { chunk } from "../chunks";
import { type MediaType, RENDERER_API, type RendererModule, type ToolResult, type View } from "./contract";
import { viewOf } from "./view";

/** What is asked: the result, and the modules by tool name that the server told of (`Boot.renderers`). */
export type Modules = Readonly<Record<string, string>>;

/** Makes a view; null: show the text. Throws what is wrong with the module or with what it returned. */
type Draw = (result: ToolResult, more: (n: number) => string) => View | null;

interface BuiltIn {
  mediaType: MediaType;
  load: () => Promise<Draw>;
}

const loadJson = chunk(() => import("./json"));

/** In the order in which they are asked. */
const BUILT_IN: readonly BuiltIn[] = [
  {
    mediaType: "application/json",
    load: async () => {
      const { jsonView } = await loadJson();
      return ({ data }, more) => jsonView(data, more);
    },
  },
];

/** The media type of a text, by what it is. */
export function mediaTypeOf(text: string): { mediaType: MediaType; data: unknown } {
  const start = text.trimStart()[0];
  if (start === "{" || start === "[") {
    try {
      return { mediaType: "application/json", data: JSON.parse(text) };
    } catch {
      // Cut, or text that only begins like JSON.
    }
  }
  return { mediaType: "text/plain", data: undefined };
}

/** The address of the module that a tool brought; null when there is none, or it is not of our own origin. */
export function moduleOf(tool: string, modules: Modules, origin: string): string | null {
  const address = Object.hasOwn(modules, tool) ? modules[tool] : undefined;
  if (address === undefined) return null;
  try {
    const url = new URL(address, origin);
    return url.origin === origin ? url.href : null;
  } catch {
    return null;
  }
}

/** How the renderer of a result is loaded; null: it is shown as text. */
export function rendererOf(
  result: ToolResult,
  modules: Modules,
  origin: string,
): (() => Promise<Draw>) | null {
  const address = moduleOf(result.tool, modules, origin);
  if (address !== null) return () => loadModule(address);
  return BUILT_IN.find(({ mediaType }) => mediaType === result.mediaType)?.load ?? null;
}

const loaded = new Map<string, Promise<Draw>>();

function loadModule(address: string): Promise<Draw> {
  let draw = loaded.get(address);
  if (draw === undefined) {
    // Not bundled: the file belongs to another package, and its name is known only here and now.
    draw = import(/* @vite-ignore */ address).then((module: RendererModule) => drawWith(module, address));
    loaded.set(address, draw);
  }
  return draw;
}

/** What a module draws, checked. */
export function drawWith(module: Partial<RendererModule>, address: string): Draw {
  const { default: render, api = RENDERER_API } = module;
  if (typeof render !== "function") throw new Error(`${address} has no default export that is a function`);
  if (api > RENDERER_API) throw new Error(`${address} is for a later version of this page (api ${api})`);
  return (result) => {
    const view: unknown = render(Object.freeze({ ...result }));
    return view === null ? null : viewOf(view);
  };
}
