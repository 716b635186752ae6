"""The way in for webhooks of this web process: a delivery is answered with the run that it begins, so it is carried out
here and not left to a worker. Made when the first one comes."""

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from chat.inbox import Inbox
from chat.runs.queue import Queue
from chat.session import open_sessions
from chat.session.sessions import Sessions


@dataclass(frozen=True)
class Desk:
    """Redis clients belong to an event loop, so this does too."""

    sessions: Sessions
    inbox: Inbox
    queue: Queue


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, Desk]" = WeakKeyDictionary()


def desk() -> Desk:
    """The one of the running loop."""
    loop = asyncio.get_running_loop()
    found = _by_loop.get(loop)
    if found is None:
        sessions, queue = open_sessions(), Queue()
        found = Desk(sessions, Inbox(sessions, queue.put), queue)
        set_up(found)
    return found


def set_up(made: Desk) -> None:
    """Use this one in the running loop."""
    _by_loop[asyncio.get_running_loop()] = made


async def close_desk() -> None:
    """Let go of the running loop's desk and its connections."""
    found = _by_loop.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.queue.close()
        await found.sessions.close()
