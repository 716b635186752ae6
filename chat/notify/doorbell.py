"""The doorbell: tells readers in other processes that there is something new, and never what.

The only file that touches channel layers. A bell may be lost (layers drop at capacity and forget after a
minute), so nothing depends on it: every reader also looks for itself from time to time (`chat/feed.py`), and
a bell that cannot be rung is logged and fails nothing.

A consumer joins a group with `join` and gets, for each ring, a message of one of the two types below, which
Channels turns into a call of its method `conversation_ring` or `user_ring`.
"""

import asyncio
import contextlib
import logging
from typing import Any

from channels.layers import BaseChannelLayer, get_channel_layer

from chat.support.tasks import cleaning_up, end

log = logging.getLogger(__name__)

#: A conversation has news: the message says which one (`conversation`). Handler: `conversation_ring`.
CONVERSATION_RING = "conversation.ring"
#: The user's list of conversations changed. Handler: `user_ring`.
USER_RING = "user.ring"

#: Seconds that a ring may take. A writer waits for it at most this long, and then goes on without.
TIMEOUT_S = 1.0


def conversation_group(conversation: str) -> str:
    """The group of everybody who watches a conversation."""
    return f"c.{conversation}"


def user_group(user_id: int) -> str:
    """The group of all sockets of one user."""
    return f"u.{user_id}"


async def ring_conversation(conversation: str) -> bool:
    """Ring for news in `conversation`. Returns whether the bell was rung; never raises."""
    return await _ring(
        conversation_group(conversation), {"type": CONVERSATION_RING, "conversation": conversation}
    )


async def ring_user(user_id: int) -> bool:
    """Ring for a change in the user's list of conversations. Returns whether it was rung; never raises."""
    return await _ring(user_group(user_id), {"type": USER_RING})


async def join(group: str, channel: str) -> None:
    """Have `channel` (a consumer's own channel name) hear the rings of `group`, until `leave`."""
    if (layer := _layer()) is not None:
        await layer.group_add(group, channel)


async def leave(group: str, channel: str) -> None:
    """No longer hear the rings of `group`."""
    if (layer := _layer()) is not None:
        await layer.group_discard(group, channel)


async def listen_anew() -> None:
    """Have everybody in this event loop hear by a new connection. For when bells are rung and not heard: the connection
    that hears them may have stayed with a server that was replaced, or may not have been let in again."""
    layer: Any = _layer()
    if layer is None:
        return
    # channels-redis has no way to ask for this. It listens again by itself once its connection is gone.
    for shard in getattr(layer._get_layer(), "_shards", ()):
        if shard._redis is not None:
            log.warning("Bells are not heard; listening by a new connection.")
            await shard._redis.connection_pool.disconnect()


class Ear:
    """Hears the rings of one conversation, or of what is rung as one, and counts them; for the running event loop. What
    it hears comes the same way as to everybody else here: by the loop's one subscription."""

    def __init__(self, conversation: str) -> None:
        self._group = conversation_group(conversation)
        self._task: asyncio.Task[None] | None = None
        self._rung = asyncio.Condition()
        self.rings = 0

    async def open(self) -> bool:
        """Begin to hear, if it does not yet. Whether there is anything to hear by. Raises what the layer raises."""
        layer = _layer()
        if layer is not None and (self._task is None or self._task.done()):
            channel = await layer.new_channel()
            await layer.group_add(self._group, channel)
            self._task = asyncio.create_task(self._listen(layer, channel), name="ear")
        return layer is not None

    async def beyond(self, rings: int, seconds: float) -> bool:
        """Wait for more rings than so many. Whether they came in time."""
        try:
            async with asyncio.timeout(seconds), self._rung:
                await self._rung.wait_for(lambda: self.rings > rings)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Hear no more."""
        if self._task is not None:
            await end([self._task])

    async def _listen(self, layer: BaseChannelLayer, channel: str) -> None:
        try:
            while True:
                await layer.receive(channel)
                async with self._rung:
                    self.rings += 1
                    self._rung.notify_all()
        finally:
            with cleaning_up(), contextlib.suppress(Exception):
                await layer.group_discard(self._group, channel)


async def _ring(group: str, message: dict[str, str]) -> bool:
    layer = _layer()
    if layer is None:
        return False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await layer.group_send(group, message)
    except Exception as problem:
        # The event itself is stored: whoever missed this bell finds it with the next slow poll.
        log.warning("The bell of %s could not be rung (%s).", group, problem or type(problem).__name__)
        return False
    return True


def _layer() -> BaseChannelLayer | None:
    return get_channel_layer()
