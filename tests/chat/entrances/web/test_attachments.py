"""Files over HTTP: who may upload and read what, and what a browser may do with it (rule W11)."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.entrances.web import attachments as view
from chat.models import Attachment
from tests.support import hurry, rows
from tests.support.pictures import bomb, picture


@pytest.fixture(autouse=True)
def own_media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


def upload(client, data=b"hello\n", name="notes.txt", id=None, kind="text/plain"):
    form = {"id": id or str(uuid.uuid4()), "file": SimpleUploadedFile(name, data, kind)}
    return client.post("/api/attachments", form)


def files(tmp_path):
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_picture_goes_up_and_comes_back_to_be_shown_and_nothing_else(as_alice):
    data = picture()
    answer = upload(as_alice, data, "photo.png", kind="text/html")
    assert answer.status_code == 201
    ref = answer.json()
    assert ref == {"id": ref["id"], "name": "photo.png", "media_type": "image/png", "size": len(data)}
    back = as_alice.get(f"/api/attachments/{ref['id']}")
    assert back.content == data
    assert back["Content-Type"] == "image/png"
    assert back["Content-Disposition"] == 'inline; filename="photo.png"'
    assert back["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in back["Content-Security-Policy"] and "script" not in back["Content-Security-Policy"]
    assert back["Cache-Control"] == "private, max-age=3600"
    assert back["Cross-Origin-Resource-Policy"] == "same-origin"


def test_text_is_offered_for_saving_and_is_never_a_page(as_alice):
    for name in ("page.html", "drawing.svg", "data.json"):
        ref = upload(as_alice, b"<script>alert(1)</script>", name, kind="text/html").json()
        back = as_alice.get(f"/api/attachments/{ref['id']}")
        assert back["Content-Type"] == "text/plain; charset=utf-8"
        assert back["Content-Disposition"].startswith("attachment; ")


def test_a_name_cannot_leave_its_header_or_its_folder(as_alice, tmp_path):
    ref = upload(as_alice, name='..\\..\\日记\u202e"x.txt').json()
    assert ref["name"] == '日记"x.txt'
    back = as_alice.get(f"/api/attachments/{ref['id']}")
    assert back["Content-Disposition"] == "attachment; filename*=utf-8''%E6%97%A5%E8%AE%B0%22x.txt"
    [path] = files(tmp_path)
    assert path == tmp_path / "attachments" / ref["id"][-2:] / ref["id"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (b"<html>", "photo.png", 415, "wrong_type"),
        (b"\x89PNG\r\n\x1a\nno", "photo.png", 415, "broken_image"),
        (bomb(), "bomb.png", 413, "too_many_pixels"),
        (b"MZ\0\0", "a.exe", 415, "not_text"),
        (b"", "a.txt", 415, "empty"),
    ],
)
def test_W11_what_is_refused_leaves_nothing_behind(as_alice, tmp_path, data, name, status, code):
    answer = upload(as_alice, data, name)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] and answer.json()["retry"] is False
    assert files(tmp_path) == [] and not Attachment.objects.exists()


def test_W11_too_much_is_refused_before_and_after_it_was_read(as_alice, settings):
    settings.HOLDFAST_MAX_FILE_BYTES = 1000
    assert upload(as_alice, b"x" * 1001).status_code == 413
    assert upload(as_alice, b"x" * 100_000).json()["code"] == "too_large"
    assert upload(as_alice, b"x" * 1000).status_code == 201


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"id": "no uuid", "file": SimpleUploadedFile("a.txt", b"a")},
        {"id": str(uuid.uuid4()), "file": "x"},
    ],
)
def test_W11_a_form_that_is_none_is_refused_with_words(as_alice, form):
    answer = as_alice.post("/api/attachments", form)
    assert answer.status_code == 400 and answer.json()["code"] == "refused"


def test_W5_the_same_upload_again_has_one_effect(as_alice, tmp_path):
    id = str(uuid.uuid4())
    first, second = upload(as_alice, id=id), upload(as_alice, id=id)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(files(tmp_path)) == Attachment.objects.count() == 1
    assert upload(as_alice, b"other", id=id).json()["code"] == "id_reused"


def test_W11_nobody_reads_or_takes_over_what_is_somebody_elses(as_alice, bob):
    ref = upload(as_alice).json()
    other = Client()
    other.force_login(bob)
    assert other.get(f"/api/attachments/{ref['id']}").status_code == 404
    assert upload(other, id=ref["id"]).status_code == 409
    assert Client().get(f"/api/attachments/{ref['id']}").status_code == 401
    assert upload(Client()).status_code == 401
    assert as_alice.get(f"/api/attachments/{uuid.uuid4()}").json()["code"] == "not_found"


def test_W11_an_upload_needs_the_csrf_token(alice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    token = strict.get("/api/boot").json()["csrf"]
    assert upload(strict).status_code == 403
    form = {"id": str(uuid.uuid4()), "file": SimpleUploadedFile("a.txt", b"a")}
    assert strict.post("/api/attachments", form, headers={"X-CSRFToken": token}).status_code == 201
    assert as_get(strict).status_code == 405


def as_get(client):
    return client.get("/api/attachments")


def test_W11_uploads_have_a_rate_and_a_number(as_alice, alice, monkeypatch):
    assert upload(as_alice).status_code == 201
    refused = hurry.refused(lambda: upload(as_alice), view.uploading, alice.pk)
    assert refused["Retry-After"] in ("1", "2") and refused.json()["retry"] is True
    view.uploading.forget()
    monkeypatch.setattr(view.attachments, "MAX_UNSENT", 1)
    assert upload(as_alice).json()["code"] == "too_many_files"


def test_the_files_of_a_deleted_conversation_are_gone(as_alice, alice):
    ref = upload(as_alice).json()
    row = rows.conversation(alice, "x", deleted_at=rows.START)
    Attachment.objects.update(conversation=row)
    assert as_alice.get(f"/api/attachments/{ref['id']}").status_code == 404


def test_a_file_that_the_storage_has_lost_is_not_found(as_alice, tmp_path):
    ref = upload(as_alice).json()
    files(tmp_path)[0].unlink()
    assert as_alice.get(f"/api/attachments/{ref['id']}").status_code == 404


def test_who_has_no_room_left_is_told_what_to_do(as_alice, settings, tmp_path):
    settings.HOLDFAST_FILE_BYTES_PER_USER = 10
    assert upload(as_alice).status_code == 201
    answer = upload(as_alice)
    assert (answer.status_code, answer.json()["code"]) == (413, "files_full")
    assert "Delete conversations" in answer.json()["detail"]
    assert len(files(tmp_path)) == 1
    settings.HOLDFAST_FILE_BYTES_PER_USER = 0
    assert upload(as_alice).status_code == 201
