"""What a strict provider answers when one of its rules is broken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """What the provider answers: its status and its words."""

    status: int
    text: str
    code: str = ""


class Refused(Exception):
    """Raised by a rule that is broken."""

    def __init__(self, text: str, status: int = 400, code: str = "") -> None:
        super().__init__(text)
        self.refusal = Refusal(status, text, code)
