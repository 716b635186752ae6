"""The doorbell: tells readers in other processes that there is something new, and never what.

The only file that touches channel layers. A bell may be lost (layers drop at capacity and forget after a
minute), so nothing depends on it: every reader also looks for itself from time to time (`chat/feed.py`), and
a bell that cannot be rung is logged and fails nothing.

A consumer joins a group with `join` and gets, for each ring, a message of one of the two types below, which
Channels turns into a call of its method `conversation_ring` or `user_ring`.
"""

import asyncio
import logging

from channels.layers import BaseChannelLayer, get_channel_layer

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
