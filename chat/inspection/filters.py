"""Filters of the list of conversations: what needs somebody, and when something last happened."""

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.models import Call, Fault, Run
from chat.runtime import opened
from chat.session.errors import Unavailable
from chat.support.clock import now_ms
from chat.support.database import give_back

#: Runs at work whose leases are asked for.
MAX_LEASES = 2_000
#: Seconds that a list waits for Redis.
REDIS_TIMEOUT_S = 2.0
#: Milliseconds after which a run at work without a lease is no run that is just being passed on.
STALE_MS = 15_000

HOUR = 3_600_000
DATES = (
    (str(HOUR), _("The last hour")),
    (str(24 * HOUR), _("The last 24 hours")),
    (str(7 * 24 * HOUR), _("The last 7 days")),
    (str(30 * 24 * HOUR), _("The last 30 days")),
)


class NeedsFilter(admin.SimpleListFilter):
    """What an operator looks for."""

    title = _("needs a look")
    parameter_name = "needs"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self._request = request

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("approval", _("Waits for approval")),
            ("in_doubt", _("A call is in doubt")),
            ("stale", _("At work without a lease")),
            ("errors", _("The latest run has failed")),
            ("refused", _("A request was refused")),
        ]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        match self.value():
            case "approval":
                waits = Run.objects.filter(status="waiting", reason="approval")
                return queryset.filter(pk__in=waits.values("conversation"))
            case "in_doubt":
                return queryset.filter(pk__in=Call.objects.filter(status="in_doubt").values("conversation"))
            case "stale":
                return queryset.filter(pk__in=self._stale())
            case "errors":
                return queryset.filter(run_status="failed")
            case "refused":
                return queryset.filter(Exists(Fault.objects.filter(conversation=OuterRef("pk"))))
        return queryset

    def _stale(self) -> list[Any]:
        """Conversations whose run is at work, as SQL knows, and whose lease nobody holds."""
        at_work = Run.objects.filter(
            status__in=("running", "recovering"), updated_at__lt=now_ms() - STALE_MS
        ).order_by("queued_at")
        ids = list(at_work.values_list("conversation_id", flat=True)[:MAX_LEASES])
        if not ids:
            return []

        async def held() -> dict[str, int]:
            async with asyncio.timeout(REDIS_TIMEOUT_S), opened() as runtime:
                return await runtime.sessions.store.leases([str(id) for id in ids])

        give_back()  # the runtime needs a connection of its own
        try:
            leases = async_to_sync(held)()
        except (TimeoutError, Unavailable):
            messages.warning(
                self._request, _("Redis does not answer, so nobody knows which leases are held.")
            )
            return []
        return [id for id in ids if str(id) not in leases]


class DateFilter(admin.SimpleListFilter):
    """When something was last told of a conversation."""

    title = _("last event")
    parameter_name = "within"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(DATES)

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = self.value() or ""
        if value not in dict(DATES):
            return queryset
        return queryset.filter(updated_at__gte=now_ms() - int(value))
