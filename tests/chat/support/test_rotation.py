"""Another SECRET_KEY: everything that is stored encrypted is found, read with the old one, and sealed with the new one,
on both databases."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections, models
from django.test import Client

from agents.models import ModelProvider
from agents.serving.sealing import key_number
from chat.entrances.feishu.models import FeishuApp
from chat.support import rotation
from chat.support.encryption import SealedField
from tests.chat.entrances.feishu.conftest import make_app
from tests.support.processes import ROOT

OLD, NEW, LOST = "the-old-key-" * 6, "the-new-key-" * 6, "a-lost-key-" * 6


def under(settings: Any, key: str, *before: str) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, list(before)


def provider(name: str, key: str) -> ModelProvider:
    row = ModelProvider(name=name, address=f"https://{name}.example/v1")
    row.set_key(key)
    row.save()
    return row


def raw(model: Any, name: str) -> list[str]:
    """What the database really holds."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f'SELECT "{name}" FROM "{model._meta.db_table}" ORDER BY 1')
        return [one for (one,) in cursor.fetchall() if one]


def run(**options: Any) -> str:
    out = io.StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def house(settings: Any, db: None) -> Any:
    """Secrets of every kind under the old key; then the new one has come."""
    under(settings, OLD)
    provider("acme", "sk-1")
    provider("other", "sk-2")
    make_app(secret="app-secret", encrypt_key="", verification_token="verify")
    under(settings, NEW, OLD)
    return settings


class TestWhatIsFound:
    def test_every_column_that_says_so_and_no_list_of_them(self) -> None:
        found = {column.label for column in rotation.columns()}
        assert found >= {
            "agents.ModelProvider.sealed_key",
            "feishu.FeishuApp.secret",
            "feishu.FeishuApp.encrypt_key",
            "feishu.FeishuApp.verification_token",
            "triggers.Trigger.secret",
        }
        sealed = {
            f"{model._meta.label}.{field.name}"
            for model in apps.get_models()
            for field in model._meta.local_fields
            if isinstance(field, SealedField)
        }
        assert sealed <= found

    def test_a_column_of_a_package_is_found_by_what_it_says(self) -> None:
        """It needs no line here, and no line of ours."""
        assert SealedField().sealed_for == "holdfast.sealed"
        assert issubclass(SealedField, models.TextField)

    def test_nothing_else_of_ours_is_sealed_into_a_column(self) -> None:
        """Whoever makes a box for a purpose of their own keeps it in a column that says so, or in a cache."""
        users = {
            str(path.relative_to(ROOT))
            for folder in ("agents", "chat", "config", "demo")
            for path in (ROOT / folder).rglob("*.py")
            if "sealing import" in path.read_text() or "Fernet(" in path.read_text()
        }
        assert users == {
            "agents/serving/keys.py",
            "agents/serving/models.py",
            "agents/serving/sealing.py",
            "chat/support/encryption.py",
            "chat/support/rotation.py",
        }


class TestRotating:
    def test_old_keys_read_and_the_new_one_seals(self, house: Any) -> None:
        assert [
            one.own_key for one in ModelProvider.objects.filter(name__in=("acme", "other")).order_by("name")
        ] == [
            "sk-1",
            "sk-2",
        ]
        assert FeishuApp.objects.get().secret == "app-secret"
        text = run(dry_run=True)
        assert "agents.ModelProvider.sealed_key: 0 under the present key, 2 under older key 1" in text
        assert "4 secrets are under older keys" in text
        before = raw(FeishuApp, "secret")
        text = run()
        assert "agents.ModelProvider.sealed_key: 2 under the present key, 0 under older key 1" in text
        assert "Every stored secret is under DJANGO_SECRET_KEY" in text
        assert raw(FeishuApp, "secret") != before
        under(house, NEW)  # the old key is gone for good
        assert ModelProvider.objects.get(name="acme").own_key == "sk-1"
        app = FeishuApp.objects.get()
        assert (app.secret, app.encrypt_key, app.verification_token) == ("app-secret", "", "verify")
        assert app.usable_secret == "app-secret"

    def test_it_may_be_stopped_anywhere_and_started_again(self, house: Any) -> None:
        """One row at a time; what was done is left alone, byte for byte."""
        (column,) = [one for one in rotation.columns() if one.name == "sealed_key"]
        assert rotation.rotate(column, batch=1, most=1).old == 1
        done = [one for one in raw(ModelProvider, "sealed_key") if key_number(column.purpose, one) == 0]
        assert len(done) == 1
        run(batch=1)
        assert set(done) < set(raw(ModelProvider, "sealed_key"))
        assert rotation.count(column).old == 0
        again = raw(ModelProvider, "sealed_key")
        run()
        assert raw(ModelProvider, "sealed_key") == again

    def test_a_secret_that_somebody_enters_meanwhile_stays(self, house: Any) -> None:
        """It is entered after the row was read and before it is written."""
        entered = False

        def enter(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal entered
            if not entered and sql.startswith("UPDATE"):
                entered = True
                row = ModelProvider.objects.get(name="acme")
                row.set_key("sk-entered-meanwhile")
                row.save()
            return execute(sql, params, many, context)

        (column,) = [one for one in rotation.columns() if one.name == "sealed_key"]
        with connections["default"].execute_wrapper(enter):
            rotation.rotate(column)
        assert entered and ModelProvider.objects.get(name="acme").own_key == "sk-entered-meanwhile"
        assert ModelProvider.objects.get(name="other").own_key == "sk-2"

    def test_what_no_key_opens_is_told_and_kept(self, house: Any) -> None:
        under(house, LOST)
        lost = provider("lost", "sk-3")
        under(house, NEW, OLD)
        broken = provider("broken", "sk-4")
        ModelProvider.objects.filter(pk=broken.pk).update(
            sealed_key=Fernet(Fernet.generate_key()).encrypt(b"x").decode()
        )
        out = io.StringIO()
        with pytest.raises(CommandError, match="2 secrets could not be read"):
            call_command("rotate_keys", stdout=out)
        for row in (lost, broken):
            assert (
                f"agents.ModelProvider.sealed_key, row {row.pk}: none of the keys opens it" in out.getvalue()
            )
        assert "2 under the present key" in out.getvalue()  # the others are sealed again all the same
        under(house, NEW, OLD, LOST)
        ModelProvider.objects.filter(pk=broken.pk).update(sealed_key="")
        run()
        under(house, NEW)
        assert ModelProvider.objects.get(name="lost").own_key == "sk-3"

    def test_several_older_keys_are_counted_apart(self, house: Any) -> None:
        under(house, "a-third-key-" * 6, NEW, OLD)
        assert "0 under the present key, 0 under older key 1, 2 under older key 2" in run(dry_run=True)

    def test_logins_live_on_under_the_new_key(self, house: Any, alice: Any) -> None:
        under(house, OLD)
        client = Client()
        client.force_login(alice)
        under(house, NEW, OLD)
        assert client.get("/").status_code in (200, 503)  # 503: the page is not built
        under(house, "a-third-key-" * 6)
        assert client.get("/").status_code == 302


class TestThePage:
    def test_it_counts_and_seals_again(self, house: Any, admin_client: Any) -> None:
        page = admin_client.get("/admin/keys/").content.decode()
        assert "older key 1" in page and "Seal again with the present key" in page
        answer = admin_client.post("/admin/keys/", follow=True).content.decode()
        assert "4 secrets are under the present key now that were not." in answer
        assert "Seal again" not in answer and "addresses of webhooks" in answer
        assert admin_client.get("/admin/").content.decode().count("/admin/keys/") >= 1

    def test_what_no_key_opens_is_told(self, house: Any, admin_client: Any) -> None:
        under(house, NEW)
        page = admin_client.get("/admin/keys/").content.decode()
        assert "opened by no key" in page and "Some secrets are opened by no key" in page

    def test_it_is_for_superusers(self, house: Any, bob: Any) -> None:
        bob.is_staff = True
        bob.save()
        client = Client()
        client.force_login(bob)
        assert client.get("/admin/keys/").status_code == 403
        assert client.post("/admin/keys/").status_code == 403
        assert "/admin/keys/" not in client.get("/admin/").content.decode()
