"""Staff who may do everything but see conversations find nothing of other people's: on no page, in no list, search,
filter, autocomplete or export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import ForeignKey
from django.urls import reverse

from chat.models import Conversation, Fault
from tests.chat.inspection.test_authority import schedule_of, trigger_of
from tests.chat.inspection.test_odd_addresses import addresses, filled
from tests.support import rows

#: What is said in a conversation of Alice's, whatever row it stands in.
SECRET = "tangerine-embargo"
#: Models whose rows are of conversations.
OF_CONVERSATIONS = (
    "conversation", "event", "message", "run", "step", "call", "fault", "replay", "rawresponse", "requestsettings",
    "command", "attachment",
)  # fmt: skip


@pytest.fixture
def row(alice: Any) -> Conversation:
    """A conversation in which everything says it."""
    row = rows.conversation(alice, SECRET, run_status="failed")
    rows.message(row, 2, SECRET)
    run = rows.run(row, 3, status="failed", code="model_error", detail=SECRET)
    rows.step(row, run, 4, SECRET, {"name": SECRET, "arguments": SECRET, "result": SECRET, "preview": SECRET})
    Fault.objects.create(
        conversation=row, run=run.run, step="s", kind="E1", status=400, digest="d", model=SECRET, profile="p",
        address="a", request=SECRET, text=SECRET, created_at=1,
    )  # fmt: skip
    schedule_of(alice)
    trigger_of(alice)
    return row


@pytest.fixture
def curious(client: Any, bob: Any, settings: Any) -> Any:
    """Staff with every permission that does not name something of conversations."""
    settings.HOLDFAST_REDIS_URL = "redis://127.0.0.1:1/0"
    bob.is_staff = True
    bob.save()
    all_of_them = Permission.objects.all()
    bob.user_permissions.set(
        one
        for one in all_of_them
        if one.content_type.app_label != "chat" or one.content_type.model not in OF_CONVERSATIONS
    )
    client.force_login(bob)
    return client


def lists() -> Iterator[str]:
    """Every list, searched for a part of the secret (what was typed is said again), and narrowed by each field that an
    address could name."""
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        yield address
        yield f"{address}?{urlencode({'q': SECRET[:9]})}"
        for field in model._meta.fields:
            if isinstance(field, ForeignKey) and field.remote_field.model is Conversation:
                yield f"{address}?{urlencode({f'{field.name}__title__icontains': SECRET[:5]})}"
        for name in ("conversation__title__startswith", "owner__conversations__title__startswith"):
            yield f"{address}?{urlencode({name: SECRET[:5]})}"


def autocompletes() -> Iterator[str]:
    """Every field of every model that is one of another row, as Django's own view takes it."""
    for model in admin.site._registry:
        for field in model._meta.fields:
            if isinstance(field, ForeignKey):
                of = {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": field.name,
                }
                yield f"{reverse('admin:autocomplete')}?{urlencode({**of, 'term': SECRET[:5]})}"


@pytest.mark.django_db
def test_W11_who_may_not_see_conversations_finds_nothing_of_them_anywhere(
    curious: Any, row: Conversation, admin_client: Any
) -> None:
    asked = [*lists(), *autocompletes()]
    for route, converters in addresses():
        if converters:
            asked += [one for one in filled(route, converters, row) if str(row.pk) in one][:2]
        elif not converters and "logout" not in route:
            asked.append(route)
    curious.raise_request_exception = False
    seen = 0
    for address in asked:
        answer = curious.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert SECRET not in body.decode(errors="replace"), address
        seen += answer.status_code == 200
    assert seen > 40
    # The same question by somebody who may: otherwise nothing was asked.
    assert SECRET in admin_client.get("/admin/chat/conversation/").content.decode()
    for form in ("json", "md"):
        page = reverse("admin:chat_conversation_export", args=[row.pk, form])
        assert curious.get(page).status_code == 403


@pytest.mark.django_db
def test_W11_people_are_suggested_to_nobody_who_may_not_see_them(
    client: Any, bob: Any, alice: Any, charlie: Any
) -> None:
    """The one autocomplete that there is: owners."""
    of = {"app_label": "schedules", "model_name": "schedule", "field_name": "owner", "term": "ali"}
    page = f"{reverse('admin:autocomplete')}?{urlencode(of)}"
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.get(page).status_code == 403
    bob.user_permissions.set(Permission.objects.filter(codename__in=("add_schedule", "view_schedule")))
    assert client.get(page).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert "alice" in client.get(page).content.decode()
