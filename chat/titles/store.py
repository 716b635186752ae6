"""Titles in SQL: which conversations need one, whose work that is, and how a conversation began. Plain functions for a
database thread."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from chat import extensions
from chat.journal.faultlog import without_keys
from chat.limits import usage
from chat.limits.decide import day_of, decide
from chat.limits.spending import Spender
from chat.limits.table import most
from chat.models import Conversation, Event, Message, Run, Step
from chat.support.claims import Claim
from chat.titles.decide import MAX_TRIES, Beginning, need
from chat.titles.models import MAX_WHY, TitleWork

#: How far a look for conversations that were answered goes back (milliseconds), and how many it takes.
LATELY_MS, BATCH = 600_000, 50
#: For so long a worker has a title to itself (milliseconds): longer than its request may take.
CLAIM_MS = 90_000
CLAIM = Claim(holder="claimed_by")
#: Names that are read of a conversation: the one it was made with, and two later ones.
NAMES = ("conversation.created", "conversation.renamed")
MAX_NAMES = 3
#: Steps among which the answer of a run is looked for, the last one first.
MAX_STEPS = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """A title that is a worker's to write, the `tries`th time that somebody has it."""

    conversation: UUID
    tries: int


def answered(now: int, using: str = "default") -> list[UUID]:
    """Conversations that were answered lately and of which nothing is decided yet, the newest first. Those of entrances
    that nobody watches keep the names of what began them."""
    known = TitleWork.objects.using(using).filter(conversation=OuterRef("pk"))
    rows = Conversation.objects.using(using).filter(
        ~Exists(known),
        updated_at__gte=now - LATELY_MS,
        deleted_at=None,
        run_status="finished",
        entrance__in=[one.name for one in extensions.entrances() if one.attended],
    )
    return list(rows.order_by("-updated_at", "id").values_list("id", flat=True)[:BATCH])


def note(now: int, using: str = "default") -> int:
    """Make the rows of conversations that were answered lately; how many."""
    made: list[TitleWork] = []
    for id in answered(now, using):
        needed = need(beginning(id, using)) if _ran_since(id, now - LATELY_MS, using) else "named"
        if needed == "wanted":
            made.append(TitleWork(conversation_id=id, state="waiting"))
        elif needed == "named":
            made.append(TitleWork(conversation_id=id, state="over", why="named"))
    TitleWork.objects.using(using).bulk_create(made, ignore_conflicts=True)
    return len(made)


def take(worker: str, now: int, most: int, using: str = "default") -> list[Taken]:
    """Have up to `most` titles that are due and nobody's. One that was taken too often is given up."""
    due = TitleWork.objects.using(using).filter(state="waiting", claimed_until__lte=now)
    taken: list[Taken] = []
    for row in due.order_by("claimed_until")[:most]:
        mine = due.filter(pk=row.pk, tries=row.tries)
        if row.tries >= MAX_TRIES:
            mine.update(state="over", why="lost")
        elif CLAIM.take(mine, now, now + CLAIM_MS, who=worker, tries=row.tries + 1):
            taken.append(Taken(row.pk, row.tries + 1))
    return taken


def end(taken: Taken, worker: str, why: str, using: str = "default") -> None:
    """It is over: the model has written, or nobody asks it any more."""
    _mine(taken, worker, using).update(state="over", why=_kept(why, using), claimed_until=0)


def later(taken: Taken, worker: str, until: int, why: str, using: str = "default") -> None:
    """It is to be tried again at `until`, by anybody."""
    _mine(taken, worker, using).update(claimed_until=until, claimed_by="", why=_kept(why, using))


def give_back(taken: Taken, worker: str, until: int = 0, using: str = "default") -> None:
    """As if it had not been taken: its worker leaves, or a store is away."""
    _mine(taken, worker, using).update(claimed_until=until, claimed_by="", tries=F("tries") - 1)


def _kept(why: str, using: str) -> str:
    return without_keys(why, using)[:MAX_WHY]


def _mine(taken: Taken, worker: str, using: str) -> "QuerySet[TitleWork]":
    rows = TitleWork.objects.using(using)
    return rows.filter(pk=taken.conversation, state="waiting", claimed_by=worker, tries=taken.tries)


def beginning(conversation: UUID, using: str = "default") -> Beginning:
    """How a conversation began."""
    events = Event.objects.using(using).filter(conversation=conversation).order_by("seq")
    told = events.filter(type__in=NAMES).values_list("text", flat=True)[:MAX_NAMES]
    titles = [str(json.loads(text)["title"]) for text in told]
    sent = events.filter(type="message.added").values_list("text", flat=True).first()
    asked = (
        Message.objects.using(using).filter(conversation=conversation, kind="message").order_by("seq").first()
    )
    return Beginning(
        titles=tuple(title for title in titles if title)[:2],
        sent=_said(json.loads(sent)) if sent else "",
        asked=_said(asked.body) if asked else "",
        answered=_answer(conversation, using),
    )


def _said(message: Any) -> str:
    """What a message says; of one with nothing but files, the name of the first."""
    text, files = str(message["text"]), message.get("attachments") or []
    return text if text.strip() or not files else str(files[0]["name"])


def _answer(conversation: UUID, using: str) -> str:
    """The answer of the first run that has finished: its last words."""
    runs = Run.objects.using(using).filter(conversation=conversation, status="finished")
    run = runs.order_by("seq").values_list("run", flat=True).first()
    steps = Step.objects.using(using).filter(conversation=conversation, run=run, status="finished")
    bodies: Iterable[Any] = steps.order_by("-seq").values_list("body", flat=True)[:MAX_STEPS]
    return next((text for body in bodies if (text := str(body.get("text", ""))).strip()), "")


def _ran_since(conversation: UUID, since: int, using: str) -> bool:
    """Whether its latest run has ended since: not so of what was imported."""
    runs = Run.objects.using(using).filter(conversation=conversation).order_by("-seq")
    return (runs.values_list("ended_at", flat=True).first() or 0) >= since


def spent(conversation: UUID, now: int, using: str = "default") -> bool:
    """Whether whoever had the latest run has used up today what their agents may read and write, or cost."""
    allowed = most(("tokens", "money"))
    run = Run.objects.using(using).filter(conversation=conversation).order_by("-seq").first()
    if run is None or not any(allowed.values()):
        return False
    used = usage.of_day(Spender(run.person, run.entrance), day_of(now), using)
    return decide({name: used[name] for name in allowed}, allowed, now) is not None
