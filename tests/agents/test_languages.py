"""The admin's pages of agents, providers and learned rules in Chinese: every label, help and heading of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.utils import translation

from agents.learned.models import LearnedRule
from agents.models import Agent, ensure_default_agent
from agents.serving.models import ModelProvider, environment_provider

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    """A page in Chinese leaves its language behind in this thread."""
    with translation.override("en"):
        yield


def read(model: Any, row: Any, user: Any) -> list[str]:
    """The headings, labels and helps of a page of the admin, as a superuser is shown them."""
    page = admin.site.get_model_admin(model)
    request = RequestFactory().get("/")
    request.user = user
    form = page.get_form(request, row)(instance=row)
    shown = [name for _, part in page.get_fieldsets(request, row) for name in part["fields"]]
    fields = [form.fields[name] for name in shown if name in form.fields]
    assert fields
    titles = [str(title) for title, _ in page.get_fieldsets(request, row) if title]
    helps = [str(field.help_text) for field in fields if field.help_text]
    return [*titles, *(str(field.label) for field in fields), *helps]


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Agent, ModelProvider, LearnedRule], ids=lambda one: one.__name__)
def test_every_label_is_chinese(model: Any, admin_user: Any) -> None:
    rows: dict[Any, Any] = {
        Agent: ensure_default_agent,
        ModelProvider: lambda: ModelProvider.objects.create(name="One", address="http://localhost/v1"),
        LearnedRule: lambda: LearnedRule.objects.create(
            address="a", model="m", form="no_system", learned_at=1
        ),
    }
    row = rows[model]()
    with translation.override("zh-hans"):
        said = read(model, row, admin_user)
    assert [text for text in said if not CHINESE.search(text)] == []


@pytest.mark.django_db
def test_what_was_learned_is_told_in_the_readers_language(admin_client: Client, settings: Any) -> None:
    provider = environment_provider()
    LearnedRule.objects.create(
        address=provider.where, model="m-1", form="no_system,text_only", reason="No.", learned_at=1
    )
    pages = ["/admin/agents/learnedrule/", f"/admin/agents/modelprovider/{provider.pk}/change/"]
    for address in pages:
        english = admin_client.get(address).content.decode()
        assert "without a system role, with tool exchanges as plain text" in english
        chinese = admin_client.get(address, headers={"accept-language": "zh-hans"}).content.decode()
        assert "不用系统角色, 工具往来写成纯文本" in chinese
