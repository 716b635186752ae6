"""An app, and people."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from chat.entrances.feishu.models import FeishuApp


def make_app(**fields: Any) -> FeishuApp:
    """An app with keys, owned by a service user."""
    owner, _ = get_user_model().objects.get_or_create(username="feishu-bot")
    given: dict[str, Any] = {
        "slug": "bot",
        "name": "Bot",
        "app_id": "cli_1",
        "secret": "the-app-secret",
        "encrypt_key": "k1",
        "verification_token": "token-1",
        "owner": owner,
    }
    return FeishuApp.objects.create(**{**given, **fields})


@pytest.fixture
def app(db: None) -> FeishuApp:
    return make_app()
