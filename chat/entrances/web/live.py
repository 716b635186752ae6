"""What all sockets of this process share: sessions, feed and inbox. Made when the first socket needs it."""

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.conf import settings

from chat.feed import Feed
from chat.http.limits import Admission
from chat.inbox import Inbox
from chat.runs.queue import Queue
from chat.session import open_sessions
from chat.session.sessions import Sessions


@dataclass(frozen=True)
class Live:
    """The way in and the way out. Redis clients belong to an event loop, so this does too."""

    sessions: Sessions
    feed: Feed
    inbox: Inbox
    queue: Queue
    reader: "asyncio.Task[None]"
    #: When the next conversation may be shown anew, over all sockets.
    admission: Admission


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, Live]" = WeakKeyDictionary()


def live() -> Live:
    """The one of the running loop; starts its feed on the first call, and again should it ever have ended."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None or found.reader.done():
        found = _by_loop[loop] = _made(loop)
    return found


def _made(loop: asyncio.AbstractEventLoop) -> Live:
    sessions = open_sessions()
    feed = Feed(sessions.store, sessions.look)
    queue = Queue()
    reader = loop.create_task(feed.run(), name="feed")
    admission = Admission(settings.HOLDFAST_OPENS_PER_SECOND)
    return Live(sessions, feed, Inbox(sessions, queue.put), queue, reader, admission)


async def close_live() -> None:
    """Stop what runs in the running loop and let go of its connections. Sockets must be closed before."""
    found = _by_loop.pop(asyncio.get_running_loop(), None)
    if found is None:
        return
    found.reader.cancel()
    await asyncio.gather(found.reader, return_exceptions=True)
    await found.queue.close()
    await found.sessions.close()
