"""The admin's sidebar and first page in an operator's words: what to inspect, what to configure, who is here; not one
list for each Django app."""

from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from chat.http.trusted import admin_policies
from chat.inspection.columns import name_fields

INSPECT, CONFIGURE, PEOPLE = "inspect", "configure", "people"
TITLES = {INSPECT: _("Inspect"), CONFIGURE: _("Configure"), PEOPLE: _("People")}
#: What the core's own models are called here, in the order in which an operator wants them.
NAMED: dict[str, tuple[str, Any]] = {
    "Conversation": (INSPECT, _("Conversations")),
    "Run": (INSPECT, _("Runs")),
    "Call": (INSPECT, _("Calls")),
    "Fault": (INSPECT, _("Refused requests")),
    "Step": (INSPECT, _("Steps")),
    "Replay": (INSPECT, _("Replays")),
    "Message": (INSPECT, _("Messages")),
    "Event": (INSPECT, _("Events")),
    "QueueFailure": (INSPECT, _("Set aside")),
    "Agent": (CONFIGURE, _("Agents")),
    "ModelProvider": (CONFIGURE, _("Providers")),
    "LearnedRule": (CONFIGURE, _("Learned rules")),
    "User": (PEOPLE, _("Users")),
    "Group": (PEOPLE, _("Groups")),
}
#: Where models of entrances and packages belong, by what their names end with; others are configured.
ENDS = (
    (INSPECT, ("Lane", "Message", "Delivery", "Firing", "Event", "Inbox", "Card")),
    (PEOPLE, ("Person", "User", "Link", "Identity")),
)


class HoldfastSite(AdminSite):
    """Django's site with another order of its pages. Who may see which is Django's as ever."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        super().register(model_or_iterable, admin_class, **options)
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        name_fields(model for model in models if model.__module__.partition(".")[0] != "django")

    def get_urls(self) -> list[Any]:
        return [
            path("overview/", self.admin_view(self.overview), name="overview"),
            path("keys/", self.admin_view(self.keys), name="keys"),
            path("retention/", self.admin_view(self.retention), name="retention"),
            # Django's own address, which is not looked at any more: the first that fits is taken.
            path(
                "r/<path:content_type_id>/<path:object_id>/",
                self.admin_view(self.view_on_site),
                name="view_on_site",
            ),
            *super().get_urls(),
        ]

    def view_on_site(self, request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponseBase:
        """Django's way to a row's own page; nothing is found where an id is none that the row could have. Django's view
        lets the errors of UUIDs and of numbers that are too large through."""
        try:
            return shortcut(request, content_type_id, object_id)
        except (ValidationError, OverflowError, DataError):
            raise Http404 from None

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Every page of the site, with the policy that its scripts need (jQuery, Select2)."""
        return admin_policies(super().admin_view(_of_a_field(view), cacheable))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Django's page, with the policy of the site's scripts although it is no view of `admin_view`. A browser at
        which somebody has logged in is known from then on."""
        from chat.http import devices  # before there are settings

        response: HttpResponse = admin_policies(super().login)(request, extra_context)
        devices.remember(request, response)
        return response

    def overview(self, request: HttpRequest) -> HttpResponse:
        """How the installation does."""
        from chat.inspection.overview import overview  # Django makes the site before there are models

        return overview(self, request)

    def keys(self, request: HttpRequest) -> HttpResponse:
        """Under which keys the stored secrets are."""
        from chat.inspection.keys_page import keys

        return keys(self, request)

    def retention(self, request: HttpRequest) -> HttpResponse:
        """What is removed after how long."""
        from chat.inspection.retention_page import retention

        return retention(self, request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models that this reader may see; of one app as Django has them, of all in three groups."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        groups: dict[str, list[Any]] = {name: [] for name in TITLES}
        for model in sorted((one for app in apps for one in app["models"]), key=_rank):
            group, name = NAMED.get(model["object_name"], (_group(model["object_name"]), None))
            named = {} if name is None else {"name": capfirst(str(name))}
            groups[group].append({**model, **named})
        if request.user.has_perm("chat.view_run"):  # nobody else asks for it
            groups[INSPECT].insert(0, self._page("overview", "Overview", _("Overview")))
        if request.user.has_perm("retention.view_policydays"):
            groups[CONFIGURE].append(self._page("retention", "Retention", _("Retention")))
        if request.user.is_superuser:
            groups[CONFIGURE].append(self._page("keys", "Keys", _("Keys of stored secrets")))
        index = reverse("admin:index", current_app=self.name)
        return [
            {
                "name": TITLES[group],
                "app_label": group,
                "app_url": index,
                "has_module_perms": True,
                "models": models,
            }
            for group, models in groups.items()
            if models
        ]

    def _page(self, page: str, object_name: str, name: Any) -> dict[str, Any]:
        """A page of ours among the models."""
        address = reverse(f"admin:{page}", current_app=self.name)
        shown = {"admin_url": address, "add_url": None, "view_only": True, "perms": {"view": True}}
        return {"name": name, "object_name": object_name, **shown}


def _of_a_field(view: Any) -> Any:
    """The view; a row is not looked for by a field without a name, which Django takes for a field's name."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        for given in (request.GET, request.POST):
            if given.get(TO_FIELD_VAR) == "":
                raise DisallowedModelAdminToField("The field has no name.")
        response: HttpResponseBase = view(request, *args, **kwargs)
        return response

    return inner


def _rank(model: Any) -> tuple[int, str]:
    order = list(NAMED)
    name = model["object_name"]
    return (order.index(name) if name in NAMED else len(order), str(model["name"]))


def _group(name: str, ends: Iterable[tuple[str, tuple[str, ...]]] = ENDS) -> str:
    return next((group for group, endings in ends if name.endswith(endings)), CONFIGURE)
