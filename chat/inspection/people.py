"""Django's page for users; deleting one says how much goes with them, and does not load all of it."""

import contextlib
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from chat import erasure
from chat.models import Conversation
from chat.retention.rounds import ask_for
from chat.session.errors import Unavailable

#: Conversations up to which a page deletes a person while one waits; with more it takes minutes, and a worker does it.
MAX_HERE = 200

admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class PersonAdmin(UserAdmin):
    """As Django's, but for what is deleted with a person."""

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """As Django's, without a transaction around all of it: each batch has its own."""
        inner: Any = super()
        return cast(HttpResponse, inner._delete_view(request, object_id, extra_context))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[str]]:
        """What the page asks about: names and counts, and what keeps somebody from being deleted."""
        people = list(objs)
        named: list[Any] = []
        counts: dict[str, int] = {}
        protected: list[str] = []
        for user in people:
            shares = erasure.share_of(user)
            named.append(f"{self.opts.verbose_name}: {user}")
            named.append([f"{share.name}: {_told(share)}" for share in shares])
            for share in shares:
                counts[share.name] = counts.get(share.name, 0) + share.count
            protected += erasure.protection(user)
        needed = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return named, counts, needed, protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete one person for good, in batches: here, or by a worker."""
        if kept := erasure.protection(obj):
            told = gettext("Nothing was done. Give these to somebody else first: {these}.")
            messages.error(request, told.format(these=", ".join(kept)))
            return
        row, _new = ask_for("person", str(obj.pk), request.user)
        done = None
        if not _many(obj):
            with contextlib.suppress(Unavailable):
                done = erasure.carry_out(row)
        if done is None or done.state != "over":
            messages.info(
                request,
                gettext(
                    "They cannot log in any more. A worker deletes all that is theirs; Retention shows how far it is."
                ),
            )

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Delete those who were ticked."""
        for user in queryset:
            self.delete_model(request, user)


def _told(share: erasure.Share) -> str:
    return f"{share.count:,}{' or more' if share.count == erasure.MAX_COUNTED else ''}"


def _many(user: Any) -> bool:
    return Conversation.objects.filter(owner=user)[: MAX_HERE + 1].count() > MAX_HERE
