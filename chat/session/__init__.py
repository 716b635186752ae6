"""Live sessions: the sequenced state of conversations in Redis, and the journal behind it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.session.session import Sessions


def open_sessions(on_change: Callable[[str], Awaitable[object]] | None = None) -> "Sessions":
    """The sessions of this process, as Django's settings say; inside the event loop that uses them.

    `on_change` defaults to ringing the conversation's bell. The caller must `await sessions.close()` in the end.
    """
    # Imported here: the pure parts of this package must not need Django or Redis.
    from django.conf import settings

    from chat import doorbell
    from chat.journal import Journal
    from chat.session.session import Sessions
    from chat.session.store import RedisStore

    store = RedisStore(
        settings.HOLDFAST_REDIS_URL,
        idle_ttl_ms=settings.HOLDFAST_IDLE_TTL_MS,
        log_entries=settings.HOLDFAST_LOG_EVENTS,
    )
    return Sessions(store, Journal(), on_change=on_change or doorbell.ring_conversation)
