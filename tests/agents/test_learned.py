"""What was learned of models, in SQL and in the admin (T5)."""

from typing import Any

import pytest
from django.urls import reverse

from agents.learned import RELEARN_AFTER_MS, LearnedForm
from agents.learned.models import LearnedRule
from agents.learned.store import LearnedRules
from agents.transcript.forms import PROPER, from_names

pytestmark = pytest.mark.django_db(transaction=True)

NOW = 1_790_000_000_000


async def ask(work: Any) -> Any:
    from asgiref.sync import sync_to_async

    return await sync_to_async(work)()


async def away(work: Any) -> Any:
    raise ConnectionError("the database is away")


def learned(*names: str, at: int = NOW, **changes: Any) -> LearnedForm:
    told: dict[str, Any] = {
        "address": "http://p/v1",
        "model": "m",
        "kind": "other",
        "reason": "no\0",
        "status": 400,
    }
    return LearnedForm(form=from_names(names), at=at, **(told | changes))


async def test_T5_the_latest_lesson_counts_for_its_address_and_model() -> None:
    rules = LearnedRules(ask)
    assert await rules.known("http://p/v1", "m", NOW) == PROPER
    await rules.learn(learned("no_system"))
    await rules.learn(learned("no_system", "one_call"))
    assert (await rules.known("http://p/v1", "m", NOW)).names == ("one_call", "no_system")
    assert await rules.known("http://p/v1", "n", NOW) == PROPER
    assert await rules.known("http://p/v1", "m", NOW + RELEARN_AFTER_MS) == PROPER, "it is found out again"
    row = await LearnedRule.objects.aget()
    assert (row.kind, row.status, row.reason) == ("other", 400, "no\N{REPLACEMENT CHARACTER}")


async def test_T5_what_somebody_has_switched_off_stays_off() -> None:
    rules = LearnedRules(ask)
    await rules.learn(learned("no_tools"))
    await LearnedRule.objects.aupdate(enabled=False)
    assert await rules.known("http://p/v1", "m", NOW) == PROPER
    await rules.learn(learned("no_tools"))
    assert await rules.known("http://p/v1", "m", NOW) == PROPER


async def test_T5_a_change_that_only_a_later_release_knows_is_passed_over() -> None:
    await LearnedRule.objects.acreate(address="a", model="m", form="no_system,no_adjectives", learned_at=NOW)
    assert (await LearnedRules(ask).known("a", "m", NOW)).names == ("no_system",)


async def test_T5_without_a_database_requests_are_made_as_ever() -> None:
    rules = LearnedRules(away)
    await rules.learn(learned("no_system"))
    assert await rules.known("http://p/v1", "m", NOW) == PROPER


def test_T5_the_admin_shows_what_was_learned_with_its_reason_and_lets_it_be_forgotten(
    admin_client: Any,
) -> None:
    row = LearnedRule.objects.create(
        address="http://p/v1", model="gemma", form="no_system", kind="form", status=400,
        reason="System role not supported", learned_at=NOW,
    )  # fmt: skip
    page = admin_client.get(reverse("admin:agents_learnedrule_changelist")).content.decode()
    for text in ("gemma", "http://p/v1", "without a system role", "System role not supported"):
        assert text in page
    change = reverse("admin:agents_learnedrule_change", args=[row.pk])
    assert admin_client.post(change, {}).status_code == 302
    row.refresh_from_db()
    assert not row.enabled and row.form == "no_system"
    assert admin_client.get(reverse("admin:agents_learnedrule_add")).status_code == 403
    admin_client.post(reverse("admin:agents_learnedrule_delete", args=[row.pk]), {"post": "yes"})
    assert not LearnedRule.objects.exists()
