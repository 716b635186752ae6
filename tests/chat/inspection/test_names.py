"""What the admin calls things, in Chinese too."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.utils.translation import override

#: Names of others, and what is called the same in both languages.
OTHERS = {"auth", "admin"}
SAME = {"HTTP API"}
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
