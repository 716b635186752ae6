"""Keeps refused requests for the admin, and tells which were refused already (rule T5)."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connections, transaction

from agents.faults import Outcome, RefusedRequest
from agents.serving.resolve import all_keys
from chat import models as m
from chat.journal.journal import Journal
from chat.journal.projection import clean
from chat.journal.statements import key_of
from chat.session.errors import SessionError
from chat.support.prepared import Prepared
from chat.telemetry.metrics import REFUSED, Bounded

log = logging.getLogger(__name__)

#: Characters of a request that are kept; the rest would be the history that the journal has anyway.
MAX_REQUEST = 1_000_000
#: Refused requests of one conversation that are looked at before a request; older ones were of other requests.
RECENT = 200
_kinds = Bounded()
_BYTES = re.compile(r"(data:[^;\"]{1,100};base64,)([A-Za-z0-9+/=]{200,})")


_NEWEST = Prepared(
    lambda id: m.Fault.objects.filter(conversation_id=id).order_by("-id").values_list("digest")[:RECENT]
)


class RefusedRequests:
    """The fault log of one conversation. `retry_while_unavailable` tries again while the journal is away."""

    def __init__(
        self,
        journal: Journal,
        conversation: str,
        retry_while_unavailable: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]],
    ) -> None:
        self._journal = journal
        self._conversation = UUID(conversation)
        self._retry = retry_while_unavailable

    async def refused(self, fault: RefusedRequest) -> None:
        """Keep a fault, once per digest. Never raises."""
        values = {
            "run": fault.run,
            "step": fault.step,
            "kind": fault.kind,
            "status": fault.status,
            "model": fault.model[:200],
            "profile": fault.profile,
            "address": fault.address[:300],
            "text_only": fault.text_only,
            "created_at": fault.at,
        }

        def work() -> None:
            using = self._journal.using
            said = {
                "text": without_keys(fault.text, using),
                "request": without_keys(_text(fault.body), using)[:MAX_REQUEST],
            }
            try:
                with transaction.atomic(using=using):
                    m.Fault.objects.using(using).create(
                        conversation_id=self._conversation, digest=fault.digest, **values, **said
                    )
                REFUSED.labels(_kinds(fault.kind)).inc()
            except IntegrityError:
                log.warning("The request %s was refused before.", fault.digest[:12])

        await self._quietly(work)

    async def followed(self, digest: str, outcome: Outcome) -> None:
        """Note what came of a fault. Never raises."""
        await self._quietly(lambda: self._mine().filter(digest=digest).update(outcome=outcome))

    async def digests(self) -> list[str]:
        """Of the requests that were refused lately: none of them is sent again."""

        def work() -> list[str]:
            key = key_of(connections[self._journal.using], self._conversation)
            return [digest for (digest,) in _NEWEST.rows(self._journal.using, key)]

        found: list[str] = await self._retry(lambda: self._journal.ask(work))
        return found

    def _mine(self) -> Any:
        return m.Fault.objects.using(self._journal.using).filter(conversation_id=self._conversation)

    async def _quietly(self, work: Callable[[], Any]) -> None:
        try:
            await self._retry(lambda: self._journal.ask(work))
        except SessionError:
            log.exception("A fault could not be kept.")


def _text(body: Mapping[str, Any]) -> str:
    """A body to be read by people: its pictures are in the storage, their bytes say nothing here."""
    text = json.dumps(body, ensure_ascii=False, indent=1)
    return _BYTES.sub(lambda found: f"{found[1]}[{len(found[2]):,} characters]", text)


def without_keys(text: str, using: str) -> str:
    """The text without any key of this installation, should one have got into a conversation. Asks SQL."""
    for key in all_keys(using):
        if len(key) >= 8:
            text = text.replace(key, "[key]")
    return clean(text)
