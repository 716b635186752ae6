"""What the admin calls things, in Chinese too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import flatten, help_text_for_field, label_for_field
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import override

#: Names of others, and what is called the same in both languages.
OTHERS = {"auth", "admin"}
SAME = {
    "HTTP API",
    "id",
    "token",
    "tokens",
    "worker",
    "ID",
    "App ID",
    "App Secret",
    "Encrypt Key",
    "Open ID",
    "UUID",
    "Verification Token",
}
SENDERS = {"GitHub", "GitLab", "Gitea, Forgejo", "Stripe", "Slack", "Shopify", "Sentry", "PagerDuty"}
SAME |= {*SENDERS, "Standard Webhooks, Svix"}
#: Fields whose choices have names that somebody gave.
OWN = {"agent", "owner", "provider", "profile", "tools", "approval_tools", "user", "app"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")

OURS = [model for model in admin.site._registry if model._meta.app_label not in OTHERS]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_kind_of_row_has_a_name_in_both_languages(model: type[Model]) -> None:
    with override("en"):
        one, many = str(model._meta.verbose_name), str(model._meta.verbose_name_plural)
    assert one and many and one != many and not CHINESE.search(one + many)
    with override("zh-hans"):
        one, many = str(model._meta.verbose_name), str(model._meta.verbose_name_plural)
    assert CHINESE.search(one) and CHINESE.search(many) and not many.endswith("s")


@pytest.mark.parametrize("label", sorted({model._meta.app_label for model in OURS}))
def test_every_room_of_the_admin_has_a_name_in_both_languages(label: str) -> None:
    config = apps.get_app_config(label)
    with override("zh-hans"):
        assert CHINESE.search(str(config.verbose_name)) or str(config.verbose_name) in SAME


def said(page: ModelAdmin[Any], request: HttpRequest) -> Iterator[tuple[str, Any]]:
    """What a list and a page of this kind say by themselves: (where, text)."""
    if page.search_help_text:
        yield "search", page.search_help_text
    for column in page.get_list_display(request):
        yield f"column {column}", label_for_field(column, page.model, page)
    for name, (_function, _name, words) in page.get_actions(request).items():
        yield f"action {name}", words
    for one in page.get_list_filter(request):
        if isinstance(one, type):
            yield f"filter {one.__name__}", getattr(one, "title", None) or f"untitled {one}"
        else:
            field = one if isinstance(one, str) else one[0]
            yield f"filter {field}", label_for_field(field.split("__")[0], page.model)
    form = page.get_form(request) if page.has_change_permission(request) else None
    fields = form(instance=page.model()).fields if form else {}
    for title, options in page.get_fieldsets(request):
        yield "fieldset", title
        yield f"fieldset {title}", options.get("description")
        for name in flatten(options["fields"]):
            field = fields.get(name)
            yield f"label {name}", field.label if field else label_for_field(name, page.model, page)
            yield f"help {name}", field.help_text if field else help_text_for_field(name, page.model)
            for value, words in getattr(field, "choices", ()):
                if value and name not in OWN:
                    yield f"choice {name}", words


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_what_lists_and_forms_say_is_said_in_chinese(model: type[Model], charlie: Any, rf: Any) -> None:
    page = admin.site._registry[model]
    request = rf.get("/admin/")
    request.user = charlie
    with override("zh-hans"):
        left = {
            f"{where}: {text}"
            for where, text in said(page, request)
            if text and not CHINESE.search(str(text)) and str(text) not in SAME
        }
    assert not left, "\n".join(sorted(left))
