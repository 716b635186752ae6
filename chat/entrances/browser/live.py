"""The feed and the sessions of this process, made when the first socket needs them."""

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from chat.feed import Feed
from chat.session import open_sessions
from chat.session.session import Sessions


@dataclass(frozen=True)
class Live:
    """What all sockets of one process share. Redis clients belong to an event loop, so this does too."""

    sessions: Sessions
    feed: Feed
    reader: "asyncio.Task[None]"


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, Live]" = WeakKeyDictionary()


def live() -> Live:
    """The one of the running loop; starts its feed on the first call."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None or found.reader.done():
        sessions = open_sessions()
        feed = Feed(sessions.store, _loader(sessions))
        found = _by_loop[loop] = Live(sessions, feed, loop.create_task(feed.run()))
    return found


async def close_live() -> None:
    """Stop the feed of the running loop and let go of its connections."""
    found = _by_loop.pop(asyncio.get_running_loop(), None)
    if found is not None:
        found.reader.cancel()
        await asyncio.gather(found.reader, return_exceptions=True)
        await found.sessions.close()
