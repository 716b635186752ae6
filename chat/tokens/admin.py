"""Tokens in the admin: whose they are, what for and when they were used; never what they say."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.inspection import base
from chat.inspection.operating import NOT_FOR_OTHERS, Operator
from chat.support.clock import now_ms
from chat.tokens import store
from chat.tokens.models import ApiToken

#: How a token stands, for people.
STANDS = {"active": _("active"), "expired": _("expired"), "revoked": _("revoked")}


@admin.register(ApiToken)
class ApiTokenAdmin(base.ReadOnlyAdmin):
    """Staff may look, and may revoke."""

    list_display = ("name", "owner", "hint", "may", "stands", "ends", "used")
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    search_exact = ("name", "owner__username", "hint")
    search_help_text = _("A token's name or hint, or its owner's username.")
    actions = ("revoke",)
    fields: ClassVar[Any] = (
        *("name", "owner", "hint", "may", "per_minute", "stands", "created", "ends", "used", "revoked"),
        "revoked_by",
    )

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tokens.change_apitoken")

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        operator = Operator(request.user)
        count = 0
        for row in queryset.filter(revoked_at=None).select_related("owner"):
            if not operator.may("end_for", "tokens.change_apitoken", row.owner_id):
                messages.error(request, f"{row.name}: {NOT_FOR_OTHERS}")
                continue
            count += store.revoke(row.pk, now_ms(), by=request.user.get_username())
        messages.info(
            request,
            ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count)
            % {"count": count},
        )

    @admin.display(description=_("may"))
    def may(self, row: ApiToken) -> str:
        return ", ".join(str(scope) for scope in row.scopes)

    @admin.display(description=_("state"))
    def stands(self, row: ApiToken) -> str:
        return str(STANDS[row.state(now_ms())])

    @admin.display(description=_("made (UTC)"))
    def created(self, row: ApiToken) -> str:
        return base.time(row.created_at)

    @admin.display(description=_("ends (UTC)"))
    def ends(self, row: ApiToken) -> str:
        return base.time(row.expires_at)

    @admin.display(description=_("used last (UTC)"))
    def used(self, row: ApiToken) -> str:
        return base.time(row.used_at)

    @admin.display(description=_("revoked (UTC)"))
    def revoked(self, row: ApiToken) -> str:
        return base.time(row.revoked_at)
