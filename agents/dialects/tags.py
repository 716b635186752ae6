"""Reasoning that comes inside the answer, between tags, as local models write it where their server leaves it there.

Only an answer that begins with an opening tag is read so: further on, a tag is a word like any other. Where the chat
template has written the opening tag itself the answer has only the closing one; that is seen when it has come whole
(`apart`), because until then nobody can tell it from an answer.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from agents.dialects.base import Delta, FinishDelta, ReasoningDelta, TextDelta, WholeMessage

#: DeepSeek-R1, Qwen, QwQ, GLM, MiniMax: think; Seed-OSS: seed:think; others by their reports.
_NAMES = ("think", "thinking", "thought", "seed:think")
_OPENING = tuple(f"<{name}>" for name in _NAMES)
#: A closing tag on a line of its own, without an opening one before it.
_UNOPENED = re.compile(
    rf"\A(?P<thought>(?:(?!</?(?:{'|'.join(_NAMES)})>).)*?)</(?:{'|'.join(_NAMES)})>[ \t]*(?:\n\s*|\Z)", re.S
)


class ThinkTags:
    """One answer. Feed it all deltas in order, then take `end()`."""

    def __init__(self) -> None:
        #: What may still become a tag; None: no opening tag is looked for any more.
        self._start: str | None = ""
        self._closing = ""
        #: Reasoning that may be half a closing tag; whether some has been given; whether line breaks are left out.
        self._held = ""
        self._thinking = False
        self._trims = False

    def feed(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """The same deltas, with the text between the tags as reasoning. Text that may be half a tag is held back."""
        for delta in deltas:
            match delta:
                case TextDelta():
                    yield from self._text(delta.text)
                case WholeMessage():
                    yield from self.end()
                    yield _whole(delta)
                case FinishDelta():
                    yield from self.end()
                    yield delta
                case _:
                    yield delta

    def end(self) -> Iterator[Delta]:
        """What was held back, when nothing can follow any more."""
        if self._start:
            yield TextDelta(self._start)
        if self._held.strip("\n"):
            yield ReasoningDelta(self._held)
        self._start, self._held = None, ""

    def _text(self, text: str) -> Iterator[Delta]:
        if self._start is not None:
            self._start += text
            begun = self._start.lstrip()
            opening = next((tag for tag in _OPENING if begun.startswith(tag)), "")
            if not opening and any(tag.startswith(begun) for tag in _OPENING):
                return
            text, self._start = self._start, None
            if opening:
                self._closing = f"</{opening[1:]}"
                text = begun[len(opening) :]
        if not self._closing:
            yield from self._said(text)
            return
        self._held += text if self._held or self._thinking else text.lstrip("\n")
        thought, closed, rest = self._held.partition(self._closing)
        half = 0 if closed else self._half_a_tag(thought)
        # Line breaks before the closing tag belong to it, and none is known to before it has come.
        sure = thought[: len(thought) - half].rstrip("\n")
        if sure:
            self._thinking = True
            yield ReasoningDelta(sure)
        self._held = "" if closed else thought[len(sure) :]
        if closed:
            self._closing, self._trims = "", True
            yield from self._said(rest)

    def _said(self, text: str) -> Iterator[Delta]:
        """Words of the answer; without the line breaks between them and what was thought."""
        if self._trims:
            text = text.lstrip("\n")
        if text:
            self._trims = False
            yield TextDelta(text)

    def _half_a_tag(self, text: str) -> int:
        """How many characters at the end may be the beginning of the closing tag."""
        tag = self._closing
        return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)


def apart(text: str) -> tuple[str, str]:
    """(reasoning, answer) of a whole answer whose opening tag the template has written; no reasoning if it has none.

    >>> apart("Paris, I think.\\n</think>\\n\\nParis.")
    ('Paris, I think.', 'Paris.')
    """
    found = _UNOPENED.match(text) if "</" in text else None
    if found is None or not (found["thought"] == "" or found["thought"].endswith("\n")):
        return "", text
    return found["thought"].strip(), text[found.end() :]


def _whole(message: WholeMessage) -> WholeMessage:
    tags, thought, said = ThinkTags(), message.reasoning, ""
    for delta in (*tags._text(message.text), *tags.end()):
        if isinstance(delta, ReasoningDelta):
            thought += delta.text
        elif isinstance(delta, TextDelta):
            said += delta.text
    return replace(message, text=said, reasoning=thought)
