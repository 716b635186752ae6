"""Actions of a list that ask first: a page names the rows and says what will be done, and the admin's log has what was
done to each.

The page names every row, so nothing is done to what came into the list meanwhile; what has changed meanwhile the action
itself leaves alone.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.inspection import base

#: Rows that one page names.
MOST = 500
#: What the page sends that has asked.
SURE = "sure"

#: An action: what it has done something to.
Perform = Callable[[Any, HttpRequest, "QuerySet[Any]"], Iterable[Any]]
#: What goes with it, counted for people.
Counted = Callable[[Sequence[Any]], list[tuple[str, str]]]


def asks(
    description: Any, permission: str, title: Any, explained: Any, button: Any, counted: Counted | None = None
) -> Callable[[Perform], Any]:
    """Make a method an action of its admin that asks first. It gets the rows and returns those to which it has done
    something, which are written down under its name. `permission`: as Django's `admin.action` has it."""

    def wrap(perform: Perform) -> Any:
        name = perform.__name__

        @admin.action(description=description, permissions=[permission])
        @wraps(perform)
        def action(self: Any, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
            rows = list(queryset[: MOST + 1])
            if len(rows) > MOST:
                told = gettext("Nothing was done: {most} rows at most can be chosen at once. Choose fewer.")
                messages.warning(request, told.format(most=f"{MOST:,}"))
                return None
            if SURE in request.POST:
                for row in perform(self, request, queryset):
                    self.log_change(request, row, f"{name}.")
                return None
            page = f"{self.opts.app_label}_{self.opts.model_name}"
            context = {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "rows": [(str(row), base.address(f"{page}_change", row.pk), row.pk) for row in rows],
                "facts": [(gettext("rows"), f"{len(rows):,}")] if counted is None else counted(rows),
                "explained": explained,
                "button": button,
                "no": _("No, take me back"),
                "action": name,
                "chosen": ACTION_CHECKBOX_NAME,
                "sure": SURE,
                "back": base.address(f"{page}_changelist"),
            }
            request.current_app = self.admin_site.name
            return TemplateResponse(request, "admin/chat/ask.html", context)

        action.asks = True  # type: ignore[attr-defined]
        return action

    return wrap
