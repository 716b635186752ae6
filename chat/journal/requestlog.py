"""Keeps what requests say beside the history, once per version (`agents/recording.py`)."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from chat import models as m
from chat.journal.faultlog import without_keys
from chat.journal.journal import Journal
from chat.session.errors import SessionError
from chat.support.clock import now_ms
from chat.support.prepared import Prepared

log = logging.getLogger(__name__)


_KNOWN = Prepared(lambda digest: m.RequestSettings.objects.filter(digest=digest).values_list("digest"))


class KeptSettings:
    """The log of settings. `retry_while_unavailable` tries again while the journal is away."""

    def __init__(
        self,
        journal: Journal,
        retry_while_unavailable: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]],
    ) -> None:
        self._journal = journal
        self._retry = retry_while_unavailable

    async def keep(self, digest: str, text: str) -> None:
        """Keep settings under their digest, once. Never raises."""

        def work() -> None:
            if _KNOWN.first(self._journal.using, digest) is not None:
                return
            rows = m.RequestSettings.objects.using(self._journal.using)
            values = {"text": without_keys(text, self._journal.using), "created_at": now_ms()}
            rows.bulk_create([m.RequestSettings(digest=digest, **values)], ignore_conflicts=True)

        try:
            await self._retry(lambda: self._journal.ask(work))
        except SessionError:
            log.exception("What a request says beside its history could not be kept.")


def settings_of(digest: str, using: str = "default") -> str | None:
    """The text of settings; None: they are not kept. Asks SQL."""
    rows = m.RequestSettings.objects.using(using).filter(digest=digest)
    return rows.values_list("text", flat=True).first()
