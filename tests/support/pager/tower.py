"""What the pagers of all people show, and what the tower that sends it does when it is asked."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from chat.messenger.adapter import Button, Card, CardText, Target
from chat.messenger.errors import (
    Away,
    CardClosed,
    Limited,
    MessageRefused,
    MessengerError,
    Outpaced,
    TargetGone,
)
from chat.messenger.pacing import Pace, Rates, Shared

#: Seconds for which a uuid is remembered, and after which a card takes no more text.
REMEMBERS_S, CARD_S = 600.0, 300.0


@dataclass
class Page:
    """One message on a pager."""

    chat: str
    text: str
    reply_to: str
    thread: bool
    card: str = ""


@dataclass
class Shown:
    """One card."""

    lines: dict[str, str]
    buttons: list[Button]
    streaming: bool
    opened: float
    sequence: int = 0

    @property
    def text(self) -> str:
        return "\n".join([*self.lines.values(), *(one.label for one in self.buttons)])


@dataclass
class Failure:
    what: str
    problem: MessengerError
    times: int
    done: bool


@dataclass
class Tower:
    """The server. `fail` answers the next requests of a kind (send, make, stream, settle) with an error."""

    pages: list[Page] = field(default_factory=list)
    cards: dict[str, Shown] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    ahead: float = 0.0
    _uuids: dict[str, tuple[float, str]] = field(default_factory=dict)
    _failures: list[Failure] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def now(self) -> float:
        return time.monotonic() + self.ahead

    def fail(self, what: str, problem: MessengerError, times: int = 1, done: bool = False) -> None:
        self._failures.append(Failure(what, problem, times, done))

    def answer(self, what: str, work: Any) -> Any:
        failure = next((one for one in self._failures if one.times and one.what == what), None)
        if failure is None:
            return work()
        failure.times -= 1
        if failure.done:
            work()
        self.refused.append(what)
        raise failure.problem

    def send(self, to: Target, text: str, uuid: str, card: str = "") -> str:
        if to.reply_to in self.gone and to.reply_to:
            raise TargetGone("That page was erased.")
        if to.chat in self.gone:
            raise MessageRefused("There is no such pager.")
        known = self._uuids.get(uuid)
        if known and known[0] > self.now() - REMEMBERS_S:
            return known[1]
        id = str(next(self._numbers))
        self._uuids[uuid] = (self.now(), id)
        self.pages.append(Page(to.chat, text, to.reply_to, to.thread, card))
        return id

    def make(self, card: Card) -> str:
        id = f"c{next(self._numbers)}"
        self.cards[id] = Shown({}, [], card.streaming, self.now())
        self._fill(self.cards[id], card)
        return id

    def stream(self, card: str, line: str, text: str, sequence: int) -> None:
        found = self._card(card, sequence)
        if not found.streaming or self.now() - found.opened > CARD_S:
            raise CardClosed("That card takes no text any more.")
        assert line in found.lines
        found.lines[line] = text

    def settle(self, card: str, shown: Card, sequence: int) -> None:
        self._card(card, sequence)
        found = self._card(card, sequence + 1)
        found.streaming = shown.streaming
        self._fill(found, shown)

    def _card(self, card: str, sequence: int) -> Shown:
        found = self.cards[card]
        if sequence <= found.sequence:
            raise Outpaced("That number was used.")
        found.sequence = sequence
        return found

    def _fill(self, shown: Shown, card: Card) -> None:
        shown.lines = {part.id: part.markdown for part in card.parts if isinstance(part, CardText)}
        shown.buttons = [part for part in card.parts if isinstance(part, Button)]


ERRORS = {
    "away": lambda: Away("Nobody answers."),
    "limited": lambda: Limited("Too fast.", 0, 0.2),
    "refused": lambda: MessageRefused("No."),
    "closed": lambda: CardClosed("Closed."),
}


class PagerClient:
    """The tower's API for one app (chat/messenger/adapter.py: Client)."""

    def __init__(self, tower: Tower) -> None:
        self.tower = tower
        self.pace = Pace(Shared("pager"), Rates(slot_s=0.02))

    async def bot_id(self) -> str:
        return "bot"

    async def send(self, to: Target, kind: str, content: str, uuid: str) -> str:
        return str(self.tower.answer("send", lambda: self.tower.send(to, content, uuid)))

    async def file(self, message: str, key: str, kind: str, max_bytes: int) -> bytes:
        if key not in self.tower.files:
            raise MessageRefused("There is no such file.")
        if len(self.tower.files[key]) > max_bytes:
            raise ValueError("The file is too large.")
        return self.tower.files[key]

    async def make_card(self, card: Card) -> str:
        return str(self.tower.answer("make", lambda: self.tower.make(card)))

    async def send_card(self, to: Target, card: str, uuid: str) -> str:
        return str(self.tower.answer("send", lambda: self.tower.send(to, "", uuid, card)))

    async def stream(self, card: str, text: str, shown: str, sequence: int) -> None:
        self.tower.answer("stream", lambda: self.tower.stream(card, text, shown, sequence))

    async def settle(self, card: str, shown: Card, sequence: int) -> None:
        self.tower.answer("settle", lambda: self.tower.settle(card, shown, sequence))

    async def aclose(self) -> None:
        pass
