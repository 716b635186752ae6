"""Whoever may only look sees no secret anywhere: every page of the admin, with a row of every model, is searched for
every secret that there is (W11)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, ModelProvider, ensure_default_agent
from chat.entrances.triggers import hooks
from chat.support import rotation
from chat.support.clock import now_ms
from chat.tokens import store as tokens
from chat.tokens.scopes import SCOPES
from tests.chat.entrances.feishu.conftest import make_app
from tests.chat.inspection.test_authority import schedule_of, trigger_of
from tests.support import rows

pytestmark = pytest.mark.django_db

#: What others have entered or been given, and what the environment says.
TYPED = {
    "signing secret": "canary-signing-secret",
    "App Secret": "canary-app-secret",
    "Encrypt Key": "canary-encrypt-key",
    "Verification Token": "canary-verification-token",
    "key of a provider": "sk-canary-of-a-row",
    "key of the environment": "sk-canary-of-the-environment",
    "key by address": "sk-canary-by-address",
    "password of the mail server": "canary-of-the-mail-server",
}


def value(field: Any) -> Any:
    """Something that a column takes."""
    match field:
        case models.ForeignKey():
            return filled(field.related_model)
        case models.UUIDField():
            return uuid.uuid4()
        case models.DateTimeField():
            return timezone.now()
        case models.BooleanField():
            return False
        case models.IntegerField() | models.DecimalField():
            return 1
        case models.CharField() | models.TextField() if field.choices:
            return field.choices[0][0]
        case models.CharField() | models.TextField():
            return f"x{uuid.uuid4().hex[:8]}"
    return {}


def filled(model: type[models.Model]) -> models.Model:
    """A row of the model: one that is there, or a new one with whatever it must have."""
    known = model._base_manager.first()
    if known is not None:
        return known
    missing = [
        one
        for one in model._meta.concrete_fields
        if not (one.has_default() or one.null or one.auto_created or isinstance(one, models.AutoField))
    ]
    return model._base_manager.create(**{one.name: value(one) for one in missing})


class House:
    """Somebody's things, with secrets in all that can have one, and staff who may look at everything."""

    def __init__(self, alice: Any, bob: Any) -> None:
        ensure_default_agent()
        row = rows.conversation(alice)
        rows.message(row, 2, "hello")
        run = rows.run(row, 3)
        rows.step(row, run, 4, "good day", {"arguments": "{}"})
        self.trigger = trigger_of(alice, secret=TYPED["signing secret"], signature_header="X-Signature")
        make_app(
            secret=TYPED["App Secret"],
            encrypt_key=TYPED["Encrypt Key"],
            verification_token=TYPED["Verification Token"],
        )
        provider = ModelProvider(name="Acme", address="https://acme.example/v1")
        provider.set_key(TYPED["key of a provider"])
        provider.save()
        schedule_of(alice)
        Group.objects.get_or_create(name="viewer")
        _row, self.token = tokens.make(alice.pk, "a token", list(SCOPES)[:1], 30, 60, now_ms())
        for model in admin.site._registry:
            filled(model)
        bob.is_staff = True
        bob.save()
        bob.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        self.client = Client()
        self.client.force_login(bob)
        self.alice = alice

    def secrets(self, settings: Any) -> dict[str, str]:
        """All of them, by what they are."""
        found = dict(TYPED)
        found |= {"SECRET_KEY": settings.SECRET_KEY, "password": self.alice.password, "API token": self.token}
        found["token of a webhook"] = hooks.token_of(self.trigger.pk, self.trigger.salt)
        found["salt of a webhook"] = self.trigger.salt
        found["session"] = str(self.client.session.session_key)
        with connection.cursor() as cursor:
            for column in rotation.columns():
                name = column.model._meta.get_field(column.name).column
                cursor.execute(f'SELECT "{name}" FROM "{column.model._meta.db_table}"')
                found |= {f"{column.label} {n}": one for n, (one,) in enumerate(cursor.fetchall()) if one}
        assert all(found.values()), found
        return found


@pytest.fixture
def house(settings: Any, alice: Any, bob: Any) -> House:
    settings.OPENAI_API_KEY = TYPED["key of the environment"]
    settings.HOLDFAST_MODEL_KEYS = {"https://by.example": TYPED["key by address"]}
    settings.EMAIL_HOST_PASSWORD = TYPED["password of the mail server"]
    return House(alice, bob)


def pages() -> Iterator[tuple[str, int]]:
    """Every page of the admin and the status that it has for whoever may look at everything and change nothing."""
    yield reverse("admin:index"), 200
    yield reverse("admin:overview"), 200
    yield reverse("admin:keys"), 403
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist"), 200
        yield reverse(f"{name}_add"), 403
        for row in model._base_manager.all():
            yield reverse(f"{name}_change", args=[row.pk]), 200
            yield reverse(f"{name}_history", args=[row.pk]), 200
            yield reverse(f"{name}_delete", args=[row.pk]), 403


def test_W11_no_page_shows_a_secret_to_whoever_may_only_look(house: House, settings: Any) -> None:
    secrets = house.secrets(settings)
    assert len(secrets) >= 15
    seen = 0
    for address, status in pages():
        answer = house.client.get(address)
        assert answer.status_code == status, address
        text = answer.content.decode()
        for what, secret in secrets.items():
            assert secret not in text, (address, what)
        seen += status == 200
    assert seen > 3 * len(admin.site._registry)


def test_W11_every_model_of_the_admin_was_looked_at(house: House) -> None:
    """So that the next one is not forgotten."""
    assert all(model._base_manager.exists() for model in admin.site._registry)


def test_W11_nothing_can_be_posted_by_whoever_may_only_look(house: House) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.first()
        for page in ("change", "delete"):
            answer = house.client.post(reverse(f"{name}_{page}", args=[row.pk]), {"post": "yes"})
            assert answer.status_code == 403, (model, page)
    assert house.client.post(reverse("admin:keys")).status_code == 403
    acme = ModelProvider.objects.get(name="Acme")
    assert house.client.post(reverse("admin:agents_modelprovider_models", args=[acme.pk])).status_code == 403
    agent = Agent.objects.get(is_default=True)
    assert house.client.post(reverse("admin:agents_agent_try", args=[agent.pk])).status_code == 403
