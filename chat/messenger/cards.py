"""What a card shows: pure functions from a session's state to a `Card` and its two streamed texts.

A card of a run at work has two streamed texts, `status` (state, tools, elapsed time) and `text` (what the model
writes), and a button to stop. When the run is over or waits, the card is replaced by its last look, without streaming.
The answer itself is not the card's business: it is a message of its own (answers.py).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.messenger import texts
from chat.messenger.adapter import Button, Card, CardText, Markup, MessengerLimits

State = Mapping[str, Any]

#: Tool calls named on a card, the newest ones.
MAX_CALLS = 12
#: Calls that one card asks about.
MAX_ASKED = 5
#: Bytes of a part of a card besides what it says.
PART_BYTES = 150

MARKS = {
    "proposed": "▫️",
    "queued": "▫️",
    "awaiting_approval": "⏸",
    "running": "⏳",
    "in_doubt": "❓",
    "succeeded": "✅",
    "failed": "⚠️",
    "cancelled": "✖️",
}


@dataclass(frozen=True)
class CardOrigin:
    """Where a card stands, for its buttons: the lane's key and the topic."""

    lane: int
    thread: str = ""

    def value(self, act: str, **more: Any) -> dict[str, Any]:
        return {"act": act, "lane": self.lane, "thread": self.thread, **more}


@dataclass(frozen=True)
class Writer:
    """Writes cards in one language, for one messenger."""

    markup: Markup
    limits: MessengerLimits
    language: str

    def status(self, state: State, run: str, now: int) -> str:
        """The line of state and elapsed time, and one line per tool call."""
        found = state.get("run") or {}
        if found.get("id") != run:
            return "…"
        ended = found.get("ended_at") or now
        seconds = max(0, (ended - found["queued_at"]) // 1000)
        word = texts.STOPPING if found.get("stopping") else texts.STATES.get(found["status"], found["status"])
        if found.get("retry_at") and found["status"] == "running":
            word = texts.BUSY
        lines = [f"**{self._say(word)}** · {self._elapsed(seconds)}"]
        calls = [call for step in steps(state, run) for call in step["calls"]]
        if len(calls) > MAX_CALLS:
            lines.append(self._say(texts.EARLIER, count=len(calls) - MAX_CALLS))
        lines += [self._call(call, now) for call in calls[-MAX_CALLS:]]
        return "\n".join(lines)

    def queued(self, run: str) -> str:
        """The status of a run that was queued at this moment."""
        return self.status({"run": {"id": run, "status": "queued", "queued_at": 0, "ended_at": 0}}, run, 0)

    def ended(self, status: str) -> str:
        """The status of a run of which only its end is known."""
        return f"**{self._say(texts.STATES[status])}**"

    def text(self, state: State, run: str, part: tuple[str, str] | None) -> str:
        """What the model has written in the newest step of the run."""
        mine = steps(state, run)
        if not mine:
            return ""
        newest = mine[-1]
        written = newest["text"]
        if newest["status"] == "streaming" and part is not None and part[0] == newest["id"]:
            written = part[1]
        shown = self.markup.markdown(written[: self.limits.card_text])
        return shown if len(written) <= self.limits.card_text else f"{shown}\n{self._say(texts.MORE_TEXT)}"

    def working(self, told: str, run: str, at: CardOrigin) -> Card:
        """A card of a run at work, streaming."""
        stop = Button(self._say(texts.STOP), at.value("stop", run=run), "danger")
        return Card(
            (CardText("status", told), CardText("text", ""), stop), self._say(texts.SUMMARY), streaming=True
        )

    def resting(self, told: str, said: str = "") -> Card:
        """The last look of a card: what was done, and what was `said` in between."""
        parts = (CardText("status", told), *((CardText("text", said),) if said else ()))
        return Card(parts, _summary(told), streaming=False)

    def said_before(self, state: State, run: str) -> str:
        """The words of a run before its calls, the newest: they are in no message of their own."""
        words = [step["text"].strip() for step in steps(state, run) if step["calls"]]
        return self.markup.markdown("\n\n".join(one for one in words if one)[-self.limits.card_text :])

    def asking(
        self, told: str, doubts: list[Any], asked: list[Any], at: CardOrigin, *, bare: bool = False
    ) -> Card:
        """A card at rest with the choices for calls in doubt and for those `asked` about. `bare`: without what they
        would be given, which the messenger does not take; such a call cannot be allowed there (rule W8)."""
        parts: list[CardText | Button] = [CardText("status", told)]
        for number, call in enumerate(asked[:MAX_ASKED]):
            parts += self._asked(call, number, at, bare)
        for number, call in enumerate(doubts[:MAX_ASKED]):
            parts += self._doubt(call, number, at, bare)
        return Card(tuple(parts), _summary(told), streaming=False)

    def groups(self, state: State, run: str, at: CardOrigin) -> list[list[Any]]:
        """The calls of a run that somebody has to decide about, in groups that fit on a card each. A group keeps its
        place, and gets smaller, as its calls are decided; it may be empty."""
        groups: list[list[Any]] = [[]]
        size = 0
        calls = [call for step in steps(state, run) for call in step["calls"]]
        for call in (*(one for one in calls if one.get("approval")), *doubts(state, run)):
            parts = self._doubt(call, 0, at) if call["status"] == "in_doubt" else self._asked(call, 0, at)
            weight = sum(_weight(part) for part in parts)
            if groups[-1] and (size + weight > self.limits.card_bytes or len(groups[-1]) == MAX_ASKED):
                groups.append([])
                size = 0
            groups[-1].append(call)
            size += weight
        return [[call for call in group if _waits(call)] for group in groups]

    def asks(self, calls: list[Any], address: str) -> str:
        """The same as a message, for want of a card: what waits, and where it can be decided."""
        names = ", ".join(f"**{self.markup.escape(call['name'])}**" for call in calls)
        return self._say(texts.ASKS, names=names, address=address)

    def answered(self, state: State, run: str, now: int) -> Card:
        """What becomes of a card that asked."""
        held = state.get("run") or {}
        calls = self.status(state, run, now).partition("\n")[2] if held.get("id") == run else ""
        return self.resting(f"**{self._say(texts.ANSWERED)}**" + (f"\n{calls}" if calls else ""))

    def goes_on(self) -> Card:
        """What becomes of a card that is followed by another one."""
        return self.resting(f"**{self._say(texts.GOES_ON)}**")

    def _asked(self, call: Any, number: int, at: CardOrigin, bare: bool = False) -> list[CardText | Button]:
        most = self.limits.card_arguments
        whole = len(call["arguments"]) <= most and not bare  # nobody allows what they have not seen (rule W8)
        question = self._say(texts.MAY_RUN, name=self.markup.escape(call["name"]))
        if not bare:
            question += f"\n{_fenced(_short(call['arguments'], most))}"
        if not whole:
            question += f"\n{self._say(texts.NOT_SHOWN if bare else texts.TOO_LONG_TO_ALLOW)}"
        value = at.value("approve", call=call["id"], digest=call["approval"]["digest"])
        refuse = Button(self._say(texts.REFUSE), {**value, "decision": "refuse"})
        if not whole:
            return [CardText(f"asked{number}", question), refuse]
        allow = Button(self._say(texts.ALLOW), {**value, "decision": "approve"}, "primary")
        return [CardText(f"asked{number}", question), allow, refuse]

    def _doubt(self, call: Any, number: int, at: CardOrigin, bare: bool = False) -> list[CardText | Button]:
        question = self._say(texts.IN_DOUBT, name=self.markup.escape(call["name"]))
        if not bare:
            question += f"\n{_fenced(_short(call['arguments'], 300))}"
        choices = (
            (texts.HAPPENED, "happened"),
            (texts.DID_NOT_HAPPEN, "did_not_happen"),
            (texts.RUN_AGAIN, "run_again"),
        )
        buttons = [
            Button(self._say(label), at.value("settle", call=call["id"], decision=decision))
            for label, decision in choices
        ]
        return [CardText(f"doubt{number}", question), *buttons]

    def _call(self, call: Any, now: int) -> str:
        line = f"{MARKS.get(call['status'], '▫️')} {self.markup.escape(call['name'])}"
        if call["status"] == "running" and call["started_at"]:
            line += f" · {self._elapsed(max(0, (now - call['started_at']) // 1000))}"
        note = (call.get("progress") or {}).get("note") if call["status"] == "running" else ""
        return f"{line} · {self.markup.escape(_short(note, 80))}" if note else line

    def _elapsed(self, seconds: int) -> str:
        if seconds < 60:
            return self._say(texts.SECONDS, seconds=seconds)
        return self._say(texts.MINUTES, minutes=seconds // 60, seconds=seconds % 60)

    def _say(self, text: Any, **values: object) -> str:
        return texts.say(self.language, text, **values)


def steps(state: State, run: str) -> list[Any]:
    """The steps of a run that the state shows, oldest first."""
    items = sorted((v for k, v in state.items() if k.startswith("i:")), key=lambda item: item["seq"])
    return [item for item in items if item["kind"] == "step" and item["run"] == run]


def doubts(state: State, run: str) -> list[Any]:
    """The calls of a run that wait for somebody to say what became of them."""
    return [call for step in steps(state, run) for call in step["calls"] if call["status"] == "in_doubt"]


def asked(state: State, run: str) -> list[Any]:
    """The calls of a run that wait for somebody to allow them."""
    calls = [call for step in steps(state, run) for call in step["calls"]]
    return [call for call in calls if call["status"] == "awaiting_approval" and _waits(call)]


def name_of(calls: list[Any]) -> str:
    """A name for calls that are asked about together: another one, another name. Empty: nothing is asked."""
    return hashlib.sha1("\0".join(call["id"] for call in calls).encode()).hexdigest() if calls else ""


def _waits(call: Any) -> bool:
    """Whether somebody has to decide about it."""
    if call["status"] == "awaiting_approval":
        return call["approval"]["decision"] is None
    return bool(call["status"] == "in_doubt")


def without_times(told: str) -> str:
    """A status without its elapsed times: what differs in nothing else is not worth a request each time."""
    return "".join(sign for sign in told if not sign.isdigit())


def _summary(told: str) -> str:
    return told.split("\n")[0].replace("*", "")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _fenced(text: str) -> str:
    """Text as a block of code, whatever is in it."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}\n{text}\n{ticks}"


def _weight(part: CardText | Button) -> int:
    """Bytes of a part of a card as JSON, some more or less."""
    if isinstance(part, CardText):
        return PART_BYTES + len(json.dumps(part.markdown, ensure_ascii=False).encode())
    return PART_BYTES + len(json.dumps([part.label, dict(part.value)], ensure_ascii=False).encode())
