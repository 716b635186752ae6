import { fireEvent, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { fencesOf } from "../fences";
import { show } from "../testing";
import { Said } from "./Said";

test("what somebody wrote is shown as they wrote it, their fences as code", () => {
  const { container } = show(<Said id="m" text={"look at *this*:\n\n```py\nx = 1\n```\nand **that**"} />);
  expect(container.querySelector("pre")?.textContent).toBe("x = 1");
  expect(container.querySelector("em, strong")).toBeNull();
  expect(screen.getByTestId("said").textContent).toContain("look at *this*:");
  expect(container.querySelector("button")?.getAttribute("aria-label")).toBe("Copy code");
});

test("a fence without its end is text", () => {
  expect(fencesOf("what does ```\nmean?")).toEqual([{ kind: "text", text: "what does ```\nmean?" }]);
  expect(fencesOf("~~~\na\n```\n~~~")).toEqual([{ kind: "code", text: "a\n```", language: "" }]);
});

test("a long message is folded, and opened again", () => {
  show(<Said id="m" text={"line\n".repeat(40)} />);
  expect(screen.getByTestId("said").dataset.folded).toBe("true");
  fireEvent.click(screen.getByTestId("said-toggle"));
  expect(screen.getByTestId("said").dataset.folded).toBe("false");
  expect(screen.getByTestId("said-toggle").getAttribute("aria-expanded")).toBe("true");
});

test("a short one has nothing to open", () => {
  show(<Said id="m" text="short" />);
  expect(screen.queryByTestId("said-toggle")).toBeNull();
});
