"""The page that says how many stored secrets are under which key, and seals them again. For superusers: it changes
what all others may only enter."""

import logging
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from chat.support import rotation

log = logging.getLogger(__name__)

#: Secrets that one press seals again; more are for the command, which has the time.
MAX_ROWS = 500
#: Rows that cannot be read whose ids are shown, of one column.
MAX_SHOWN = 20


def keys(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The page; by POST, secrets of older keys come under the present one first."""
    if not request.user.is_superuser:
        raise PermissionDenied
    if request.method == "POST":
        _seal(request)
        return HttpResponseRedirect(reverse("admin:keys", current_app=site.name))
    found = [(column, rotation.count(column)) for column in rotation.columns()]
    context = {
        **site.each_context(request),
        "title": _("Keys of stored secrets"),
        "names": [
            _("the present key"),
            *(_("older key %d") % number for number in range(1, rotation.keys())),
        ],
        "rows": [_row(column, count) for column, count in found],
        "old": sum(count.old for _column, count in found),
        "unreadable": sum(len(count.unreadable) for _column, count in found),
        "fallbacks": rotation.keys() - 1,
        "words": {
            "about": _(
                "Secrets are stored encrypted with DJANGO_SECRET_KEY. To change it, set the new key, put the old one "
                "into DJANGO_SECRET_KEY_FALLBACKS, start web and workers again, and have everything sealed again, here "
                "or by “manage.py rotate_keys”."
            ),
            "secret": _("Secret"),
            "by_none": _("opened by no key"),
            "lost": _(
                "Some secrets are opened by no key. Put the key with which they were stored into "
                "DJANGO_SECRET_KEY_FALLBACKS, or enter them again."
            ),
            "seal": _("Seal again with the present key"),
            "most": _("At most %d at once; for more, use the command.") % MAX_ROWS,
            "done": _(
                "Nothing is under an older key any more. Before you empty DJANGO_SECRET_KEY_FALLBACKS: addresses of "
                "webhooks that were given out under an older key end with it."
            ),
        },
    }
    return TemplateResponse(request, "admin/chat/keys.html", context)


def _row(column: rotation.Column, count: rotation.Count) -> dict[str, Any]:
    meta = column.model._meta
    return {
        "name": f"{meta.verbose_name}: {meta.get_field(column.name).verbose_name}",  # type: ignore[union-attr]
        "counts": [count.by_key.get(number, 0) for number in range(rotation.keys())],
        "unreadable": len(count.unreadable),
        "which": ", ".join(count.unreadable[:MAX_SHOWN]),
    }


def _seal(request: HttpRequest) -> None:
    left = MAX_ROWS
    done = 0
    for column in rotation.columns():
        before = rotation.count(column).old
        after = rotation.rotate(column, most=left).old if before else 0
        done, left = done + before - after, left - (before - after)
    log.info("%s had %d secrets sealed again with the present key.", request.user, done)
    messages.success(request, _("%d secrets are under the present key now that were not.") % done)
