"""Where the texts are that can be found: of each, its kind and key, and how it is read from the journal's rows.

The index has no copy of them. What it has found is read here again, as it stands now, and checked.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q

from chat.models import Call, Conversation, Message, Step

Kind = Literal["title", "message", "answer", "result"]
#: Those that stand somewhere in a conversation.
KINDS: tuple[Kind, ...] = ("message", "answer", "result")
#: (kind, key): a text of one conversation. Of a title the key is empty.
Name = tuple[str, str]
TITLE: Name = ("title", "")
#: What people see of messages; notices are of the house.
SAID = ("message", "note")


@dataclass(frozen=True, slots=True)
class Found:
    """One text as it stands. `item`, `seq` and `branch`: of the item in which people see it."""

    kind: Kind
    key: str
    text: str
    at: int
    item: str = ""
    seq: int = 0
    branch: str = ""

    @property
    def name(self) -> Name:
        """Which one it is."""
        return (self.kind, self.key)


def read(conversation: UUID, names: Collection[Name], using: str = "default") -> Iterator[Found]:
    """Those of these texts of a conversation that there are."""
    for _, found in read_all([(conversation, name) for name in names], using):
        yield found


def read_all(names: Iterable[tuple[UUID, Name]], using: str = "default") -> Iterator[tuple[UUID, Found]]:
    """The same, of several conversations."""
    wanted: dict[str, dict[UUID, list[str]]] = {}
    for conversation, (kind, key) in names:
        wanted.setdefault(kind, {}).setdefault(conversation, []).append(key)
    for kind, of in wanted.items():
        if of:
            yield from _READERS[kind](of, using)


def _titles(of: dict[UUID, list[str]], using: str) -> Iterator[tuple[UUID, Found]]:
    rows = Conversation.objects.using(using).filter(pk__in=list(of)).order_by()
    for id, title, at in rows.values_list("pk", "title", "created_at"):
        if title:
            yield id, Found("title", "", title, at)


def _messages(of: dict[UUID, list[str]], using: str) -> Iterator[tuple[UUID, Found]]:
    rows = Message.objects.using(using).filter(_any(of, "message"), kind__in=SAID)
    for id, key, seq, branch, at, body in rows.values_list(
        "conversation_id", "message", "seq", "branch", "at", "body"
    ):
        yield id, Found("message", key, _told(body), at, key, seq, branch)


def _answers(of: dict[UUID, list[str]], using: str) -> Iterator[tuple[UUID, Found]]:
    rows = Step.objects.using(using).filter(_any(of, "step")).exclude(status="streaming")
    said: Any = rows.values_list("conversation_id", "step", "seq", "branch", "started_at", "ended_at", "body")
    for id, key, seq, branch, begun, ended, body in said:
        yield id, Found("answer", key, body.get("text") or "", ended or begun, key, seq, branch)


def _results(of: dict[UUID, list[str]], using: str) -> Iterator[tuple[UUID, Found]]:
    found = Call.objects.using(using).filter(_any(of, "call")).exclude(result="")
    calls = list(found.values_list("conversation_id", "call", "step", "result", "ended_at"))
    steps: dict[UUID, list[str]] = {}
    for id, _, step, _, _ in calls:
        steps.setdefault(id, []).append(step)
    if not calls:
        return
    rows = Step.objects.using(using).filter(_any(steps, "step"))
    named: Any = rows.values_list("conversation_id", "step", "seq", "branch", "started_at")
    places = {(id, step): tuple(place) for id, step, *place in named}
    for id, key, step, result, ended in calls:
        if (id, step) in places:  # else its step was thrown away
            seq, branch, begun = places[id, step]
            yield id, Found("result", key, result, ended or begun, step, seq, branch)


_READERS = {"title": _titles, "message": _messages, "answer": _answers, "result": _results}


def _told(body: Any) -> str:
    """What a message says, and what its files are called."""
    names = [file["name"] for file in body.get("attachments") or ()]
    return "\n".join([body["text"], *names])


def _any(of: dict[UUID, list[str]], field: str) -> Q:
    found = Q()
    for conversation, keys in of.items():
        found |= Q(conversation_id=conversation, **{f"{field}__in": keys})
    return found
