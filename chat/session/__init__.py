"""Live sessions: the sequenced state of conversations in Redis, and the journal behind it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.session.sessions import OnChange, Sessions


def open_sessions(on_change: "OnChange | None" = None) -> "Sessions":
    """The sessions of this process, as Django's settings say; inside the event loop that uses them.

    `on_change` defaults to ringing the bells of the conversation and of its owner. The caller must
    `await sessions.close()` in the end.
    """
    # Imported here: the pure parts of this package must not need Django or Redis.
    from django.conf import settings

    from chat.journal.journal import Journal
    from chat.notify.listeners import Bells
    from chat.session.sessions import Sessions
    from chat.session.store import RedisStore

    store = RedisStore(
        settings.HOLDFAST_REDIS_URL,
        idle_ttl_ms=settings.HOLDFAST_IDLE_TTL_MS,
        log_entries=settings.HOLDFAST_LOG_EVENTS,
    )
    journal = Journal()
    ring = on_change or Bells(journal).ring
    return Sessions(store, journal, on_change=ring, lease_ms=settings.HOLDFAST_LEASE_MS)
