"""What one socket shows: opening and closing conversations, one at a time and in order.

An opening waits until the reader has taken what was shown before, so that a tab which opens twenty conversations at
once holds one snapshot in memory, not twenty. So it has a task of its own: commands do not wait behind it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from chat.entrances.web.connection import Action, Connection
from chat.entrances.web.live import Live
from chat.entrances.web.outlet import Outlet
from chat.feed import Reason
from chat.notify import doorbell
from chat.session.contract import Batch
from chat.session.errors import NoConversation

log = logging.getLogger(__name__)

Perform = Callable[[Iterable[Action]], object]


class OpenedView:
    """The feed's sink for one opened conversation."""

    def __init__(self, connection: Connection, perform: Perform, conversation: str) -> None:
        self._connection = connection
        self._perform = perform
        self._conversation = conversation

    def on_batch(self, batch: Batch) -> None:
        self._perform(self._connection.follow(self._conversation, batch))

    def on_lost(self, reason: Reason) -> None:
        self._perform(self._connection.lose(self._conversation, reason))


class Opener:
    """Opens for `user_id` what `connection` asks for. Call `run` in a task, and `close_all` in the end."""

    def __init__(
        self,
        user_id: int,
        channel: str,
        live: Live,
        connection: Connection,
        outlet: Outlet,
        perform: Perform,
    ) -> None:
        self._user_id = user_id
        self._channel = channel
        self._live = live
        self._feed = live.feed
        self._connection = connection
        self._outlet = outlet
        self._perform = perform
        #: What is watched, by conversation.
        self._views: dict[str, OpenedView] = {}
        #: Openings, and leaving of bells, in the order in which they were asked for.
        self._errands: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._room = asyncio.Event()

    def open(self, conversation: str, attempt: int) -> None:
        """Answer this opening when its turn comes."""
        self._errands.put_nowait(self._open(conversation, attempt))

    def close(self, conversation: str) -> None:
        """Watch it no longer, from now on."""
        view = self._views.pop(conversation, None)
        if view is not None:
            self._feed.unwatch(conversation, view)
            self._errands.put_nowait(self._leave_unless_watched(conversation))

    def frame_taken(self) -> None:
        """The reader took a frame: there may be room for the next snapshot."""
        if self._outlet.room:
            self._room.set()

    async def run(self) -> None:
        """Run the errands until cancelled."""
        while True:
            errand = await self._errands.get()
            await errand

    async def close_all(self) -> None:
        """The socket is gone. Call this when `run` has ended."""
        while not self._errands.empty():
            self._errands.get_nowait().close()
        views, self._views = self._views, {}
        for conversation, view in views.items():
            self._feed.unwatch(conversation, view)
        for conversation in views:
            await self._leave_unless_watched(conversation)

    async def _open(self, conversation: str, attempt: int) -> None:
        """`gone` unless it is the user's own (rule W11), otherwise watch and show it."""
        while not self._outlet.room and self._connection.awaits(conversation, attempt):
            self._room.clear()
            await self._room.wait()
        if not self._connection.awaits(conversation, attempt):
            return
        async with self._live.admission.turn(inside=True):
            await self._admitted(conversation, attempt)

    async def _admitted(self, conversation: str, attempt: int) -> None:
        if not self._connection.awaits(conversation, attempt):
            return
        try:
            # The bell is joined before the snapshot, so that nothing rings unheard. It carries no data, so it may
            # be joined while SQL is asked whose conversation this is: two waits become one.
            bell = doorbell.join(doorbell.conversation_group(conversation), self._channel)
            own, _ = await asyncio.gather(self._is_own(conversation), bell)
            if own:
                await self._show(conversation, attempt)
            else:
                self._perform(self._connection.gone(conversation))
        except NoConversation:
            self._perform(self._connection.gone(conversation))
        except Exception as problem:
            log.warning("Conversation %s cannot be shown now: %r", conversation, problem)
            if self._connection.awaits(conversation, attempt):
                self._perform(self._connection.unavailable(conversation))
        finally:
            await self._leave_unless_watched(conversation)

    async def _show(self, conversation: str, attempt: int) -> None:
        view = OpenedView(self._connection, self._perform, conversation)
        loaded = await self._feed.open(conversation, view)
        # Nothing is awaited from here on: the feed may call the view as soon as the loop turns.
        if not self._connection.awaits(conversation, attempt):
            self._feed.unwatch(conversation, view)
            return
        self._views[conversation] = view
        self._perform(self._connection.show(conversation, attempt, loaded))

    async def _leave_unless_watched(self, conversation: str) -> None:
        if conversation in self._views:
            return
        try:
            await doorbell.leave(doorbell.conversation_group(conversation), self._channel)
        except Exception as problem:
            log.warning("The bell of %s could not be left: %r", conversation, problem)

    async def _is_own(self, conversation: str) -> bool:
        return bool(await self._live.owners.ask((self._user_id, conversation)))
