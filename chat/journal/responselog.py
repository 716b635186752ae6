"""Keeps what providers have answered, as far as settings want it, without anything secret (`agents/responses.py`)."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from agents.responses import Heard
from chat import models as m
from chat.journal.faultlog import without_keys
from chat.journal.journal import Journal
from chat.session.errors import SessionError

log = logging.getLogger(__name__)

#: Bytes of a body that are kept.
MAX_BODY = 256 * 1024
DAY_MS = 86_400_000
#: Headers that tell nothing secret: these, and those that begin so. No other is kept, whatever a provider thinks of.
PLAIN = frozenset(
    {
        *(
            "content-type",
            "content-length",
            "content-encoding",
            "date",
            "server",
            "via",
            "age",
            "retry-after",
        ),
        *("retry-after-ms", "openai-processing-ms", "openai-version", "x-envoy-upstream-service-time"),
        *("cf-ray", "cf-cache-status", "x-should-retry", "transfer-encoding"),
    }
)
BEGINNINGS = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
#: By which providers name a request, the likeliest first.
REQUEST_IDS = (
    *("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id"),
    *("x-ds-trace-id", "x-log-id", "x-trace-id", "cf-ray"),
)
#: Characters of one header.
MAX_VALUE = 300


class KeptResponses:
    """The log of one conversation's responses."""

    def __init__(self, journal: Journal, conversation: str) -> None:
        self._journal = journal
        self._conversation = UUID(conversation)

    @property
    def most(self) -> int:
        """Bytes of a body that are wanted."""
        return MAX_BODY if settings.HOLDFAST_RAW_RESPONSES == "bodies" else 0

    async def keep(self, run: str, step: str, model: str, address: str, heard: Heard) -> None:
        """Keep a response, if the settings want it. Never raises, and tries once: it is no part of the journal."""
        if not wanted(settings.HOLDFAST_RAW_RESPONSES, heard):
            return
        using = self._journal.using

        def work() -> None:
            body = bytes(heard.body).decode("utf-8", "replace") if self.most else ""
            headers: Any = {name: without_keys(value, using) for name, value in plain(heard.headers).items()}
            m.RawResponse.objects.using(using).create(
                conversation_id=self._conversation,
                run=run,
                step=step,
                status=heard.status,
                headers=headers,
                request_id=without_keys(request_id(heard.headers), using)[:200],
                model=model[:200],
                address=address[:300],
                problem=without_keys(heard.problem, using)[:2_000],
                body=without_keys(body, using)[:MAX_BODY],
                size=heard.size,
                began_at=heard.began_at,
                ended_at=heard.ended_at,
            )

        try:
            await self._journal.ask(work)
        except SessionError:
            log.warning("A response of step %s could not be kept.", step)


def wanted(setting: str, heard: Heard) -> bool:
    """Whether a response is kept under this setting. Pure."""
    if setting == "failures":
        return bool(heard.problem) or heard.status >= 400
    return setting in ("facts", "bodies")


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that tell nothing secret, in lower case. Pure."""
    lower = {name.lower(): str(value)[:MAX_VALUE] for name, value in headers.items()}
    return {
        name: value
        for name, value in sorted(lower.items())
        if name in PLAIN or name in REQUEST_IDS or name.startswith(BEGINNINGS)
    }


def request_id(headers: Mapping[str, str]) -> str:
    """By which the provider knows the request; empty: it does not say. Pure."""
    lower: dict[str, Any] = {name.lower(): value for name, value in headers.items()}
    return next((str(lower[name]) for name in REQUEST_IDS if lower.get(name)), "")


def delete_old(now: int, using: str = "default") -> int:
    """Delete responses that are older than the settings have them kept; how many. A batch at a time."""
    return delete_older(now - settings.HOLDFAST_RAW_RESPONSE_DAYS * DAY_MS, using)


def delete_older(before: int, using: str = "default", batch: int = 500) -> int:
    """Delete responses that ended before this moment (ms); how many."""
    rows = m.RawResponse.objects.using(using)
    gone = 0
    while pks := list(rows.filter(ended_at__lt=before).values_list("pk", flat=True)[:batch]):
        gone += rows.filter(pk__in=pks).delete()[0]
    return gone
