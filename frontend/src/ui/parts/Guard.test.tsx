import { act, cleanup, render } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Guard } from "./Guard";

let set: (running: boolean) => void = () => {};

// React writes what it has caught to the console.
beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** The shape of a page with a stop button: a text that comes and goes beside another. */
function Page() {
  const [running, setRunning] = useState(true);
  set = setRunning;
  return (
    <div>
      {running && "working"} {running ? "one" : "two"}
    </div>
  );
}

/** What the translation of Chromium and of Google does: each text moves into an element of theirs. */
function translate(root: Element): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const font = document.createElement("font");
    text.replaceWith(font);
    font.append(text);
  }
}

function Bad(): never {
  throw new Error("always");
}

test("a page that a translation has taken apart is put up anew", () => {
  const { container } = render(
    <Guard fallback={<p>broken</p>}>
      <Page />
    </Guard>,
  );
  translate(container);
  act(() => set(false));
  expect(container.textContent).not.toContain("broken");
  expect(container.textContent).not.toBe("");
  act(() => set(false));
  expect(container.textContent?.trim()).toBe("two");
});

test("what fails each time is replaced, and what stands beside it is not", () => {
  const { container } = render(
    <main>
      <Guard fallback={<p>broken</p>}>
        <Bad />
      </Guard>
      <p>beside</p>
    </main>,
  );
  expect(container.textContent).toBe("brokenbeside");
});
