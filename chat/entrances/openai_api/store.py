"""Which conversation a request is: found or decided once, and kept. Plain functions for a database thread."""

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.db import IntegrityError, transaction

from agents.models import Agent
from chat.entrances.openai_api import answering
from chat.entrances.openai_api.models import Exchange
from chat.entrances.openai_api.transcript import Asked, Turn, chain, started
from chat.http.problems import Problem
from chat.models import Message, listed

_NAMESPACE = uuid5(NAMESPACE_URL, "holdfast/v1")
#: Milliseconds in which a request that says it is another try of one without a key is taken for it.
RETRIED_MS = 15 * 60_000
#: Exchanges of one conversation that a branch of it is told.
MAX_BRANCH = 100


@dataclass(frozen=True)
class Wanted:
    """A request. `digest`: of what it asks. `retried`: the client says that it has sent it before. At most one of
    `conversation` and `previous` says where it goes on."""

    agent: str
    asked: Asked
    digest: str
    key: str = ""
    retried: bool = False
    conversation: UUID | None = None
    previous: UUID | None = None


def exchange(user: int, wanted: Wanted, now: int) -> tuple[Exchange, Asked]:
    """The exchange of this request, and what is asked in it. Raises Problem."""
    id = uuid5(_NAMESPACE, f"{user}/{wanted.key}") if wanted.key else uuid4()
    known = Exchange.objects.filter(pk=id).first()
    if known is None and wanted.retried and not wanted.key:
        lately = Exchange.objects.filter(owner_id=user, digest=wanted.digest, created_at__gt=now - RETRIED_MS)
        known = lately.order_by("-created_at").first()
    if known is None:
        if not Agent.objects.filter(slug=wanted.agent, enabled=True).exists():
            raise Problem("model_not_found")
        known, wanted = _made(id, user, wanted, now)
    if known.owner_id != user or known.digest != wanted.digest:
        raise Problem("id_reused")
    if known.previous_id is None and wanted.previous is not None and not wanted.asked.history:
        wanted = _branched(user, wanted)
    return known, wanted.asked


def _made(id: UUID, user: int, wanted: Wanted, now: int) -> tuple[Exchange, Wanted]:
    previous, conversation = _goes_on(user, wanted)
    link = started(wanted.agent, wanted.asked.instructions)
    before = chain(link, [*wanted.asked.history, ("user", wanted.asked.text)])
    if previous is not None and wanted.previous is not None:
        before = chain(previous.after, [("user", wanted.asked.text)])
    fields: dict[str, Any] = {
        "owner_id": user,
        "agent": wanted.agent,
        "digest": wanted.digest,
        "message": uuid5(id, "message"),
        "before": before,
        "created_at": now,
    }
    for going_on in (True, False):
        place = conversation if going_on and conversation is not None else uuid5(id, "conversation")
        try:
            with transaction.atomic():
                return (
                    Exchange.objects.create(
                        pk=id,
                        conversation=place,
                        begins=place != conversation,
                        previous=previous if going_on else None,
                        **fields,
                    ),
                    wanted,
                )
        except IntegrityError:
            # Either the same request at the same moment, or somebody else went on with the same place.
            if (same := Exchange.objects.filter(pk=id).first()) is not None:
                return same, wanted
    raise Problem("unavailable")


def _goes_on(user: int, wanted: Wanted) -> tuple[Exchange | None, UUID | None]:
    """(the exchange after which it goes on, the conversation), or (None, None): it is a new one."""
    if wanted.conversation is not None:
        if not listed(user).filter(pk=wanted.conversation).exists():
            raise Problem("not_found")
        return None, wanted.conversation
    if wanted.previous is not None:
        found = Exchange.objects.filter(pk=wanted.previous, owner_id=user).first()
        if found is None:
            raise Problem("not_found")
        candidates = [found]
    elif wanted.asked.history:
        link = chain(started(wanted.agent, wanted.asked.instructions), wanted.asked.history)
        rows = Exchange.objects.filter(owner_id=user, after=link, agent=wanted.agent)
        candidates = list(rows.order_by("-created_at")[:20])
    else:
        return None, None
    for row in candidates:
        if _is_the_end(user, row):
            return row, row.conversation
    return None, None


def _is_the_end(user: int, row: Exchange) -> bool:
    """Whether nothing was said after it in its conversation, at this door or any other."""
    if (
        not listed(user).filter(pk=row.conversation).exists()
        or Exchange.objects.filter(previous=row).exists()
    ):
        return False
    newest = Message.objects.filter(conversation_id=row.conversation, kind="message").order_by("-seq").first()
    return newest is not None and newest.message == str(row.message)


def _branched(user: int, wanted: Wanted) -> Wanted:
    """The same, with what was said up to the place at which it branches off."""
    turns: list[Turn] = []
    previous: Any = wanted.previous
    row = Exchange.objects.filter(pk=previous, owner_id=user).first()
    for _ in range(MAX_BRANCH):
        if row is None:
            break
        said = Message.objects.filter(conversation_id=row.conversation, message=str(row.message)).first()
        answer = answering.find(row.conversation, str(row.message))
        if said is not None:
            turns = [("user", said.body["text"]), ("assistant", answer.text if answer else ""), *turns]
        row = row.previous
    asked = Asked(wanted.asked.instructions, tuple(turns), wanted.asked.text)
    return Wanted(wanted.agent, asked, wanted.digest, wanted.key, wanted.retried, None, wanted.previous)


def answered(row: Exchange, text: str) -> None:
    """Take note of what the client has seen now, so that what it sends next is known as going on from here."""
    if not row.after and text.strip():
        row.after = chain(row.before, [("assistant", text)])
        Exchange.objects.filter(pk=row.pk, after="").update(after=row.after)


def owned(user: int, id: UUID) -> Exchange | None:
    """An exchange of a user's."""
    return Exchange.objects.filter(pk=id, owner_id=user).first()
