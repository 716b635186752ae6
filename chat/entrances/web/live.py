"""What all sockets of this process share: the way in, the way out, and how many may open at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from chat.feed import Feed
from chat.http.limits import Admission
from chat.inbox import Inbox
from chat.models import in_lists
from chat.runtime import current
from chat.support.batches import Batches
from chat.support.database import ask
from chat.support.loops import PerLoop

#: The share of the time between two heartbeats for which one waits for others, so that the heads of their conversations
#: are asked for together.
WAIT_SHARE = 0.025


@dataclass(frozen=True)
class Live:
    """The way in and the way out."""

    feed: Feed
    inbox: Inbox
    #: Whose turn it is to come in, or to have a conversation shown anew, over all sockets.
    admission: Admission
    #: Whether a conversation, (user, conversation), is in this user's list.
    owners: Batches[tuple[int, str], bool]
    #: The head cursors of conversations, for heartbeats: nobody is in a hurry.
    heads: Batches[str, str]


async def _forget(_: object) -> None:
    """There is nothing to close."""


async def _listed(asked: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], bool]:
    def found() -> set[tuple[int, str]]:
        ids = [conversation for _, conversation in asked]
        rows = in_lists().filter(pk__in=ids).values_list("owner_id", "pk")
        return {(owner, str(pk)) for owner, pk in rows}

    own = await ask(found)
    return {pair: pair in own for pair in asked}


async def _heads_of(conversations: Sequence[str]) -> Mapping[str, str]:
    return await current().feed.heads(conversations)


def _patient() -> Batches[str, str]:
    return Batches(_heads_of, wait_s=WAIT_SHARE * settings.HOLDFAST_HEARTBEAT_MS / 1000)


_heads: PerLoop[Batches[str, str]] = PerLoop(_patient, _forget)
_admissions = PerLoop(lambda: Admission(settings.HOLDFAST_OPENS_PER_SECOND), _forget)
_owners: PerLoop[Batches[tuple[int, str], bool]] = PerLoop(lambda: Batches(_listed), _forget)


def live() -> Live:
    """Of the running loop; starts its feed on the first call, and again should it ever have ended."""
    runtime = current()
    return Live(runtime.feed, runtime.inbox, _admissions.get(), _owners.get(), _heads.get())
