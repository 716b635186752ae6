"""A page in any browser that a program can drive: pointer and keys as the W3C's WebDriver has them, and waiting.

Both ways to a browser (`bidi.py`, `classic.py`) take the same actions and call the same functions, so that a walk is
written once. Elements are named by CSS; `hook("call", status="running")` is the one that tests hold on to.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from tests.support.waiting import wait_until

#: WebDriver's names of keys (section 17.4.2 of the standard).
KEYS = {"Control": "\ue009", "Enter": "\ue007", "Escape": "\ue00c", "ArrowLeft": "\ue012", "PageUp": "\ue00e"}
SECONDS = 30.0

#: The middle of the n-th of these elements, brought into sight; null while it is not there, moves, or is covered.
PLACE = """async (css, nth) => {
  const element = [...document.querySelectorAll(css)].at(nth);
  if (element === undefined || element.matches(":disabled")) return null;
  element.scrollIntoView({ block: "nearest" });
  const before = element.getBoundingClientRect();
  await new Promise((done) => setTimeout(done, 60));
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.x !== before.x || box.y !== before.y) return null;
  const [x, y] = [Math.floor(box.x + box.width / 2), Math.floor(box.y + box.height / 2)];
  const there = document.elementFromPoint(x, y);
  return there !== null && (element.contains(there) || there.contains(element)) ? { x, y } : null;
}"""

#: What can be scrolled sideways and should not be able to: by its test id or tag, with both widths (px).
SIDEWAYS = """() => [...document.querySelectorAll("*")]
  .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
  .filter((one) => one === document.documentElement || /auto|scroll/.test(getComputedStyle(one).overflowX))
  .filter((one) => one.closest("pre, table, .katex") === null)
  .map((one) => `${one.dataset.testid ?? one.tagName}: ${one.scrollWidth} in ${one.clientWidth}`)"""


def hook(name: str, **data: str) -> str:
    """The CSS of what has this test id and these data attributes."""
    return f'[data-testid="{name}"]' + "".join(f'[data-{key}="{value}"]' for key, value in data.items())


class Page(ABC):
    """One window of a browser."""

    @abstractmethod
    def go(self, address: str) -> None:
        """Open an address, and wait until its document has been loaded."""

    @abstractmethod
    def reload(self) -> None:
        """Load it again."""

    @abstractmethod
    def call(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function, which may be async, with JSON; its result as JSON has it."""

    @abstractmethod
    def act(self, actions: list[dict[str, Any]]) -> None:
        """Perform actions of WebDriver's input sources."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Errors of scripts that the page has met so far."""

    @abstractmethod
    def picture(self) -> bytes:
        """A PNG of what is in sight."""

    # ---- what is there ----

    def count(self, css: str) -> int:
        """How many of these there are."""
        return int(self.call("(css) => document.querySelectorAll(css).length", css))

    def texts(self, css: str) -> list[str]:
        """What each of them says, as it is shown."""
        found: list[str] = self.call(
            "(css) => [...document.querySelectorAll(css)].map((one) => one.innerText.trim())", css
        )
        return found

    def value(self, css: str) -> str:
        """What stands in the first of these fields."""
        return str(self.call("(css) => document.querySelector(css)?.value ?? ''", css))

    def wait(self, css: str, *, count: int | None = None, text: str = "", seconds: float = SECONDS) -> None:
        """Until there is one of these (or exactly so many), and one of them says this."""

        def met() -> bool:
            said = self.texts(css)
            enough = len(said) == count if count is not None else bool(said)
            return enough and (not text or any(text in one for one in said))

        wait_until(met, seconds, lambda: f"{css} {count} {text!r}, not {self.texts(css)}", every=0.05)

    # ---- what is done ----

    def click(self, css: str, nth: int = 0) -> None:
        """Move the pointer to the n-th (-1: the last) once it can be hit, and press its button."""
        at = self._place(css, nth)
        self._pointer(at, press=True)

    def hover(self, css: str, nth: int = 0) -> None:
        """Move the pointer there."""
        self._pointer(self._place(css, nth), press=False)

    def press(self, *keys: str) -> None:
        """Press these keys together and let them go; names as in KEYS, or the sign itself."""
        signs = [KEYS.get(key, key) for key in keys]
        down = [{"type": "keyDown", "value": sign} for sign in signs]
        up = [{"type": "keyUp", "value": sign} for sign in reversed(signs)]
        self._keys([*down, *up])

    def write(self, css: str, text: str) -> None:
        """Put the caret into a field, take out what is there, and type."""
        self.click(css)
        self.press("Control", "a")
        self.type(text)
        wait_until(lambda: self.value(css) == text, SECONDS, lambda: f"{text!r}, not {self.value(css)!r}")

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self._keys([{"type": type, "value": sign} for sign in text for type in ("keyDown", "keyUp")])

    def _place(self, css: str, nth: int) -> dict[str, int]:
        found: dict[str, int] = wait_until(
            lambda: self.call(PLACE, css, nth), SECONDS, f"{css} [{nth}] to be where it can be clicked"
        )
        return found

    def _pointer(self, at: dict[str, int], press: bool) -> None:
        steps: list[dict[str, Any]] = [{"type": "pointerMove", **at, "duration": 0, "origin": "viewport"}]
        if press:
            steps += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.act([{**mouse, "actions": steps}])

    def _keys(self, steps: list[dict[str, Any]]) -> None:
        self.act([{"type": "key", "id": "keyboard", "actions": steps}])


def called(function: str, arguments: tuple[Any, ...]) -> str:
    """A JavaScript expression: a promise of the JSON of what the function returns for these."""
    given = json.dumps(arguments, ensure_ascii=True)
    return f"Promise.resolve(({function})(...{given})).then((told) => JSON.stringify(told ?? null))"
