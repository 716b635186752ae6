"""Who may ask, how often and how much: the same for all that answers JSON, whichever entrance it belongs to (W11)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.entrances.schedules import api as schedules
from chat.entrances.triggers import api as triggers
from chat.entrances.web import api as pages
from chat.entrances.web import attachments as files
from chat.entrances.web import notes
from chat.http.limits import Allowance
from tests.support import hurry

pytestmark = pytest.mark.django_db

#: What is read and what is changed, with the allowance that each takes from.
READ: list[tuple[str, Allowance]] = [
    ("/api/boot", pages.reading),
    ("/api/attachments/018f3c5e-7c1a-4000-8000-00000000000a", files.reading),
    ("/api/schedules", schedules.reading),
    ("/api/triggers", triggers.reading),
    ("/api/notes", notes.reading),
]
CHANGED: list[tuple[str, Allowance]] = [
    ("/api/attachments", files.uploading),
    ("/api/schedules", schedules.writing),
    ("/api/triggers", triggers.writing),
]


@pytest.fixture(autouse=True)
def rested() -> None:
    """Nobody has asked for anything yet."""
    for _, allowance in (*READ, *CHANGED):
        allowance.forget()


@pytest.fixture
def as_alice(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def shape(answer: Any) -> tuple[int, str, bool]:
    """(status, code, retry) of a refusal, which has exactly one shape and stays in no cache."""
    body = answer.json()
    assert set(body) == {"code", "detail", "retry"} and body["detail"]
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, body["code"], body["retry"]


def test_W11_more_parameters_than_django_reads_are_a_refusal(as_alice: Client) -> None:
    many = "a&" * 1_001
    assert shape(as_alice.get(f"/api/conversations?{many}")) == (413, "too_large", False)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_alice.cookies
    strict.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    form = "application/x-www-form-urlencoded"
    assert shape(strict.post("/api/schedules", many, form)) == (413, "too_large", False)


@pytest.mark.parametrize("address", [address for address, _ in READ])
def test_W11_a_stranger_reads_nothing(address: str) -> None:
    assert shape(Client().get(address)) == (401, "logged_out", False)


@pytest.mark.parametrize("address", [address for address, _ in CHANGED])
def test_W11_a_stranger_changes_nothing_and_is_told_so_before_anything_is_read(address: str) -> None:
    assert shape(Client().post(address, b"x" * 100, content_type="text/plain")) == (401, "logged_out", False)


@pytest.mark.parametrize(("address", "allowance"), READ)
def test_W11_who_reads_too_fast_is_told_when_to_come_back(
    address: str, allowance: Allowance, as_alice: Client, alice: Any
) -> None:
    refused = hurry.refused(lambda: as_alice.get(address), allowance, alice.pk)
    assert shape(refused) == (429, "too_fast", True)
    assert 1 <= int(refused["Retry-After"]) <= max(1, allowance.pause_s)


@pytest.mark.parametrize(("address", "allowance"), CHANGED)
def test_W11_who_changes_too_fast_is_told_when_to_come_back(
    address: str, allowance: Allowance, as_alice: Client, alice: Any
) -> None:
    refused = hurry.refused(
        lambda: as_alice.post(address, b"{}", content_type="application/json"), allowance, alice.pk
    )
    assert shape(refused) == (429, "too_fast", True)
    assert 1 <= int(refused["Retry-After"]) <= max(1, allowance.pause_s)


@pytest.mark.parametrize("address", [address for address, _ in CHANGED])
def test_W11_who_sends_too_much_is_refused_by_what_they_announce(address: str, as_alice: Client) -> None:
    refused = as_alice.post(address, b"x", content_type="text/plain", headers={"Content-Length": str(10**9)})
    assert shape(refused) == (413, "too_large", False)


@pytest.mark.parametrize("address", [address for address, _ in CHANGED])
def test_W11_a_change_needs_the_csrf_token(address: str, alice: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(address, b"{}", content_type="application/json").status_code == 403


def test_W11_the_token_may_be_a_field_of_a_form_with_a_file(alice: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    token = strict.get("/api/boot").json()["csrf"]
    form = {"id": str(uuid.uuid4()), "file": SimpleUploadedFile("a.txt", b"a")}
    assert strict.post("/api/attachments", form).status_code == 403
    form["file"] = SimpleUploadedFile("a.txt", b"a")
    assert strict.post("/api/attachments", {**form, "csrfmiddlewaretoken": token}).status_code == 201


@pytest.mark.parametrize("address", [address for address, _ in (*READ, *CHANGED)])
def test_a_method_that_nobody_has_is_405(address: str, as_alice: Client) -> None:
    assert as_alice.put(address, "{}", content_type="application/json").status_code == 405
    assert as_alice.options(address).status_code == 405
