"""What staff may do in the admin with what is another user's, and that whoever may only look sees no secret."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import AbstractUser, Permission
from django.db.models import Model
from django.test import Client

from agents.models import Agent, ensure_default_agent
from chat.entrances.feishu.models import FeishuApp, FeishuUser
from chat.entrances.schedules import editing as schedules
from chat.entrances.schedules.models import Schedule, ScheduleFiring
from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers import editing as triggers
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.support.encryption import SealedField
from tests.chat.entrances.feishu.conftest import make_app
from tests.chat.entrances.schedules.test_admin import form as schedule_form
from tests.chat.entrances.triggers.test_admin import form as trigger_form

NOW = 1_790_000_000_000


class Staff:
    """Bob, staff with these permissions, and his browser."""

    def __init__(self, bob: Any) -> None:
        bob.is_staff = True
        bob.save()
        self.user, self.client = bob, Client()
        self.client.force_login(bob)

    def may(self, *permissions: str) -> Staff:
        for one in permissions:
            app, name = one.split(".")
            self.user.user_permissions.add(
                *Permission.objects.filter(content_type__app_label=app, codename__startswith=name)
            )
        return self

    def errors(self, address: str, fields: dict[str, Any]) -> dict[str, Any]:
        """What is wrong with a form; empty: it was taken."""
        answer = self.client.post(address, fields)
        return {} if answer.status_code == 302 else dict(answer.context["adminform"].form.errors)

    def act(self, address: str, action: str, row: Model) -> str:
        sent = {"action": action, "_selected_action": [row.pk]}
        return self.client.post(address, sent, follow=True).content.decode()


@pytest.fixture
def staff(bob: Any) -> Staff:
    ensure_default_agent()
    return Staff(bob)


def schedule_of(owner: Any) -> Schedule:
    draft = Draft(name="News", prompt="What is new?", cron="0 9 * * *", zone="Europe/Berlin")
    return schedules.create(owner, draft)[0]


def trigger_of(owner: Any, **fields: Any) -> Trigger:
    given = {"name": "T", "kind": "webhook", "prompt": "Look.", **fields}
    return triggers.create(owner.pk, given, NOW)[0]


SCHEDULES, TRIGGERS = "/admin/schedules/schedule/", "/admin/triggers/trigger/"


class TestSchedulesAndTriggersOfOthers:
    """Staff who may add them, and read no conversations, do not act with another user's authority (rule W11)."""

    def test_whoever_may_add_them_makes_them_for_themself_only(self, staff: Staff, alice: Any) -> None:
        staff.may("schedules.add_", "schedules.view_", "triggers.add_", "triggers.view_", "auth.view_user")
        mail = {"deliver_kind": "email", "deliver_address": "bob@example.com"}
        assert set(
            staff.errors(f"{SCHEDULES}add/", schedule_form(alice, prompt="List the notes.", **mail))
        ) == {"owner"}
        assert set(staff.errors(f"{TRIGGERS}add/", trigger_form(alice))) == {"owner"}
        assert not Schedule.objects.exists() and not Trigger.objects.exists()
        assert staff.errors(f"{SCHEDULES}add/", schedule_form(staff.user)) == {}
        assert staff.errors(f"{TRIGGERS}add/", trigger_form(staff.user)) == {}

    def test_who_may_change_users_may_act_for_them(self, staff: Staff, alice: Any) -> None:
        staff.may("schedules.add_", "schedules.view_", "triggers.add_", "triggers.view_", "auth.")
        assert staff.errors(f"{SCHEDULES}add/", schedule_form(alice)) == {}
        assert staff.errors(f"{TRIGGERS}add/", trigger_form(alice)) == {}

    def test_those_of_others_can_be_looked_at_and_paused_and_not_made_to_act(
        self, staff: Staff, alice: Any
    ) -> None:
        staff.may("schedules.change_", "schedules.view_", "triggers.change_", "triggers.view_")
        schedule, trigger = schedule_of(alice), trigger_of(alice)
        for address, row in ((SCHEDULES, schedule), (TRIGGERS, trigger)):
            page = staff.client.get(f"{address}{row.pk}/change/").content.decode()
            assert 'name="prompt"' not in page
            answer = staff.client.post(f"{address}{row.pk}/change/", {"prompt": "List the notes."})
            assert answer.status_code == 403
        assert "You may do this for yourself only" in staff.act(SCHEDULES, "run_now", schedule)
        assert "You may do this for yourself only" in staff.act(TRIGGERS, "fire", trigger)
        assert not ScheduleFiring.objects.exists() and not TriggerFiring.objects.exists()
        salt = trigger.salt
        staff.act(TRIGGERS, "renew", trigger)
        staff.act(SCHEDULES, "pause", schedule)
        staff.act(TRIGGERS, "pause", trigger)
        schedule.refresh_from_db(), trigger.refresh_from_db()
        assert (schedule.state, trigger.paused, trigger.salt) == ("paused", True, salt)
        staff.act(SCHEDULES, "go_on", schedule)
        staff.act(TRIGGERS, "resume", trigger)
        schedule.refresh_from_db(), trigger.refresh_from_db()
        assert (schedule.state, trigger.paused) == ("paused", True)

    def test_a_person_of_feishu_is_linked_to_another_user_only_by_who_may_act_for_them(
        self, staff: Staff, alice: Any
    ) -> None:
        staff.may("feishu.change_feishuuser", "feishu.view_", "auth.view_user")
        person = FeishuUser.objects.create(app=make_app(), open_id="ou_bob")
        address = f"/admin/feishu/feishuuser/{person.pk}/change/"
        given = {"app": person.app_id, "open_id": "ou_bob", "name": ""}
        assert set(staff.errors(address, {**given, "user": alice.pk})) == {"user"}
        assert staff.errors(address, {**given, "user": staff.user.pk}) == {}
        assert staff.errors(address, {**given, "name": "Bob", "user": staff.user.pk}) == {}
        staff.may("auth.change_user")
        assert staff.errors(address, {**given, "user": alice.pk}) == {}


class TestWhoeverMayOnlyLook:
    """Every page of the admin opens for staff who may only view it, and shows nothing that is stored encrypted."""

    @pytest.fixture
    def looks(self, staff: Staff) -> Staff:
        staff.user.user_permissions.add(*Permission.objects.filter(codename__startswith="view_"))
        return staff

    def test_no_secret_is_on_any_page(self, looks: Staff, alice: Any) -> None:
        trigger = trigger_of(alice, secret="the-signing-secret", signature_header="X-Signature")
        rows: list[Model] = [trigger, make_app(encrypt_key="the-encrypt-key"), schedule_of(alice)]
        rows += [Agent.objects.get(), alice]
        for row in rows:
            meta = row._meta
            page = looks.client.get(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/change/")
            assert page.status_code == 200, meta.label
            text = page.content.decode()
            for secret in ("the-signing-secret", "the-app-secret", "the-encrypt-key", "token-1", "gAAAA"):
                assert secret not in text, (meta.label, secret)
            assert trigger.hook not in text

    def test_every_sealed_column_is_named_as_a_secret_of_its_page(self) -> None:
        """So that the next one is not forgotten."""
        found = 0
        for model, page in admin.site._registry.items():
            sealed = {f.name for f in model._meta.get_fields() if isinstance(f, SealedField)}
            found += len(sealed)
            assert sealed <= set(getattr(page, "secrets", ())), model._meta.label
        assert found >= 4

    def test_every_list_and_every_form_opens(self, looks: Staff) -> None:
        for model in admin.site._registry:
            meta = model._meta
            answer = looks.client.get(f"/admin/{meta.app_label}/{meta.model_name}/")
            assert answer.status_code == 200, meta.label


class TestTheSecretOfAFeishuApp:
    """It goes to the address for which it was entered and to no other, as the keys of models do."""

    def form(self, app: FeishuApp, **changed: Any) -> dict[str, Any]:
        fields = ("slug", "name", "app_id", "base_url", "private_policy", "group_policy", "documents")
        given = {name: getattr(app, name) for name in fields}
        return {**given, "owner": app.owner_id, "enabled": "on", "mention_only": "on", **changed}

    def test_another_address_needs_the_secret_again(self, charlie: Any) -> None:
        ensure_default_agent()
        app, client = make_app(), Client()
        client.force_login(charlie)
        address = f"/admin/feishu/feishuapp/{app.pk}/change/"
        moved = self.form(app, base_url="https://feishu.evil.example")
        errors = client.post(address, moved).context["adminform"].form.errors
        assert set(errors) == {"secret"}
        app.refresh_from_db()
        assert (app.base_url, app.usable_secret) == ("https://open.feishu.cn", "the-app-secret")
        assert client.post(address, {**moved, "secret": "for-this-one"}).status_code == 302
        app.refresh_from_db()
        assert (app.base_url, app.usable_secret) == ("https://feishu.evil.example", "for-this-one")
        back = self.form(app, base_url="https://open.feishu.cn", secret="for-this-one")
        assert client.post(address, back).status_code == 302  # the same one, entered again
        assert FeishuApp.objects.get().usable_secret == "for-this-one"

    @pytest.mark.parametrize("way", ["save", "update"])
    def test_an_address_that_was_changed_some_other_way_gets_nothing(self, way: str, db: None) -> None:
        app = make_app()
        if way == "save":
            app.base_url = "https://feishu.evil.example"
            app.save()
        else:
            FeishuApp.objects.update(base_url="https://feishu.evil.example")
        app = FeishuApp.objects.get()
        assert (app.secret, app.usable_secret) == ("the-app-secret", "")
        app.name = "Another name"
        app.save()
        assert FeishuApp.objects.get().usable_secret == ""

    def test_one_that_the_release_before_has_stored_is_bound_when_it_is_saved(self, db: None) -> None:
        app = make_app()
        FeishuApp.objects.update(secret_for="")
        app = FeishuApp.objects.get()
        assert app.usable_secret == "the-app-secret"
        app.base_url = "https://feishu.evil.example"
        app.save()
        assert FeishuApp.objects.get().usable_secret == ""


def test_what_a_user_who_is_no_staff_is(bob: AbstractUser) -> None:
    from chat.inspection.operating import Operator

    assert Operator(bob).acts_for(bob.pk)
    assert not Operator(bob).acts_for(bob.pk + 1) and not Operator(bob).stops
