"""What all sockets of this process share: the way in, the way out, and how many may open at a time."""

from dataclasses import dataclass

from django.conf import settings

from chat.feed import Feed
from chat.http.limits import Admission
from chat.inbox import Inbox
from chat.runtime import current
from chat.support.loops import PerLoop


@dataclass(frozen=True)
class Live:
    """The way in and the way out."""

    feed: Feed
    inbox: Inbox
    #: When the next conversation may be shown anew, over all sockets.
    admission: Admission


async def _forget(_: Admission) -> None:
    """There is nothing to close."""


_admissions = PerLoop(lambda: Admission(settings.HOLDFAST_OPENS_PER_SECOND), _forget)


def live() -> Live:
    """Of the running loop; starts its feed on the first call, and again should it ever have ended."""
    runtime = current()
    return Live(runtime.feed, runtime.inbox, _admissions.get())
