"""Who in a chat has seen no sign of life yet, and what is therefore in a hurry (chat/support/turns.py, rush.py).

    unread ── the first message is taken ──► taken ── its run's card, or a reply, was sent ──► seen
       └───── it has to wait, or nothing came of it ─────────────────────────────────────────────┘

A lane that somebody writes to while nothing goes on in it begins unread. Its first message and the card of that go
before the further messages of all chats, and before runs that have not begun: the others have their cards.
"""

from collections.abc import Callable
from typing import Literal


class FirstSign:
    """Of one lane, while one worker has it. `since`: from when on somebody waits, None if nobody does. `wake` is called
    when there is something to be shown, `over` when nobody waits any longer."""

    def __init__(self, since: float | None, *, wake: Callable[[], None], over: Callable[[], None]) -> None:
        self._since = since
        self._wake = wake
        self._over = over
        self.state: Literal["unread", "taken", "seen"] = "seen" if since is None else "unread"
        #: The run that was begun for it and has no card yet, and the message that it answers.
        self._run = ("", "")

    @property
    def hurry_in(self) -> float | None:
        """Since when what comes in is in a hurry."""
        return self._since if self.state == "unread" else None

    @property
    def hurry_out(self) -> float | None:
        """Since when what goes out is in a hurry."""
        return None if self.state == "seen" else self._since

    def begun(self, run: str, message: str) -> None:
        """A message was taken; `run` answers it, unless it joins another one."""
        if self.state == "unread":
            self.state, self._run = "taken", (run, message)
            self._wake()

    def tried(self) -> None:
        """The first of what came in was carried out, or cannot be yet: what follows is in no hurry."""
        if self.state == "unread":
            self.state = "taken"
            self._wake()

    def run(self) -> tuple[str, str]:
        """The run whose card is to be shown now, once, and the message that it answers; empty if there is none."""
        run, self._run = self._run, ("", "")
        return run

    def shown(self) -> None:
        """What was to be shown was shown, or failed: it is tried again in no hurry."""
        if self.state == "taken":
            self.state = "seen"
            self._over()

    def end(self) -> None:
        """The lane is let go."""
        self.state = "seen"
        self._over()
