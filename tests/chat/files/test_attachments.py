"""Files of messages: bound by the command that sends them, read for a model, removed when never sent."""

from __future__ import annotations

import uuid
from io import BytesIO, StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from PIL import Image
from pydantic import ValidationError

from agents.models import ensure_default_agent
from chat import set_aside
from chat.commands import DeleteBody, SendBody
from chat.files import attachments
from chat.inbox import digest
from chat.models import Attachment, Message, QueueFailure
from tests.chat.test_inbox import Desk, uid
from tests.support.pictures import animation, picture

NOW = 1_790_000_000_000


@pytest.fixture(autouse=True)
def own_media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
async def desk(sessions: Any, alice: Any) -> Desk:
    await sync_to_async(ensure_default_agent)()
    return Desk(sessions, alice.pk)


def kept(owner: int, data: bytes = b"hello\n", name: str = "notes.txt") -> Attachment:
    return attachments.keep(owner, uuid.uuid4(), name, data, NOW)[0]


def sends(*files: Attachment | str, text: str = "") -> SendBody:
    ids = tuple(str(file.id) if isinstance(file, Attachment) else file for file in files)
    return SendBody(kind="send", message=uid(), text=text, attachments=ids)


async def files_of(conversation: str) -> list[Any]:
    bodies = Message.objects.filter(conversation_id=conversation, kind="message").order_by("seq")
    return [body["attachments"] async for body in bodies.values_list("body", flat=True)]


async def test_a_message_of_files_alone_is_stored_with_them_and_titled_after_the_first(desk: Desk):
    conversation = await desk.begin()
    one = await sync_to_async(kept)(desk.who.user_id, picture(), "photo.png")
    two = await sync_to_async(kept)(desk.who.user_id)
    assert (await desk.submit(conversation, sends(one, two))).status == "applied"
    assert await files_of(conversation) == [[attachments.ref(row).model_dump() for row in (one, two)]]
    state = await desk.state(conversation)
    assert state["info"]["title"] == "photo.png"
    await one.arefresh_from_db()
    assert str(one.conversation_id) == conversation


async def test_W5_the_same_message_with_files_ten_times_has_one_effect(desk: Desk):
    conversation = await desk.begin()
    body, id = sends(await sync_to_async(kept)(desk.who.user_id), text="look"), uid()
    results = [await desk.submit(conversation, body, id) for _ in range(10)]
    assert [result.status for result in results] == ["applied"] + ["duplicate"] * 9
    assert len(await files_of(conversation)) == 1


async def test_W11_only_ones_own_unsent_files_can_be_sent_and_all_or_none(desk: Desk, bob: Any):
    conversation, other = await desk.begin(), await desk.begin()
    own = await sync_to_async(kept)(desk.who.user_id)
    bobs = await sync_to_async(kept)(bob.pk)
    for wrong in (sends(own, bobs), sends(own, uid()), sends(own, own)):
        result = await desk.submit(conversation, wrong)
        assert (result.status, result.code) == ("rejected", "unknown_attachment")
        await own.arefresh_from_db()
        assert own.conversation_id is None, "all or none"
    assert (await desk.submit(conversation, sends(own))).status == "applied"
    stolen = await desk.submit(other, sends(own))
    assert (stolen.status, stolen.code) == ("rejected", "unknown_attachment")
    assert (await desk.submit(conversation, sends(own, text="again"))).status == "applied"


def test_W11_a_message_needs_text_or_a_file_and_not_too_many():
    for wrong in (
        {"text": ""},
        {"text": "x", "attachments": [uid()] * 6},
        {"text": "x", "attachments": ["../x"]},
    ):
        with pytest.raises(ValidationError):
            SendBody(kind="send", message=uid(), **wrong)


@pytest.mark.parametrize("text", [" \n", "\u200b", "\u2060\ufeff\u00ad", "\u3164 \u2800", "\ufe0f", "\u202e"])
async def test_what_nobody_would_see_is_no_message(desk: Desk, text: str):
    conversation = await desk.begin()
    assert (await desk.submit(conversation, sends(text=text))).code == "bad_command"


def test_W5_a_message_without_files_keeps_the_digest_that_it_had_before_there_were_any():
    body = SendBody(kind="send", message="00000000-0000-0000-0000-000000000000", text="hi")
    plain = '{"kind":"send","message":"00000000-0000-0000-0000-000000000000","text":"hi"}'
    import hashlib

    assert digest(body) == hashlib.sha256(plain.encode()).hexdigest()


@pytest.mark.django_db(transaction=True)
class TestReading:
    def test_a_text_and_a_small_picture_are_read_as_they_are(self, alice):
        assert attachments.prepared(kept(alice.pk)).data == b"hello\n"
        assert attachments.prepared(kept(alice.pk, picture(), "p.png")).data == picture()

    @pytest.mark.parametrize("data", [picture("JPEG", (5000, 2500)), picture("PNG", (2049, 10)), animation()])
    def test_a_large_or_moving_picture_is_made_fit_and_the_same_each_time(self, alice, data):
        row = kept(alice.pk, data, "p")
        found = attachments.prepared(row)
        with Image.open(BytesIO(found.data)) as image:
            assert max(image.size) <= attachments.MODEL_EDGE
            assert image.get_format_mimetype() == found.media_type in ("image/png", "image/jpeg")
            assert not getattr(image, "is_animated", False)
        assert attachments.prepared(row) == found

    def test_a_picture_lies_as_its_camera_says(self, alice):
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        row = kept(alice.pk, picture("JPEG", (3000, 1500), exif=exif), "p.jpg")
        with Image.open(BytesIO(attachments.prepared(row).data)) as image:
            assert image.height > image.width

    @pytest.mark.parametrize(
        ("form", "kind"), [("JPEG", "image/jpeg"), ("PNG", "image/jpeg"), ("WEBP", "image/jpeg")]
    )
    def test_a_small_picture_too_lies_upright_and_does_not_tell_where_it_was_taken(self, alice, form, kind):
        exif = Image.Exif()
        exif[0x0112] = 6
        exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPS: latitude
        row = kept(alice.pk, picture(form, (60, 30), exif=exif), "p")
        found = attachments.prepared(row)
        assert found.media_type == kind
        with Image.open(BytesIO(found.data)) as image:
            assert image.size == (30, 60)
            assert not image.getexif() and "exif" not in image.info
        with row.file.open("rb") as file:
            assert Image.open(file).getexif(), "the person's own file stays what it is"

    def test_comments_and_xmp_do_not_reach_a_model_either(self, alice):
        data = picture("JPEG", comment=b"Mei's garden", xmp=b"<x:xmpmeta>Mei</x:xmpmeta>")
        assert b"Mei" in data
        assert b"Mei" not in attachments.prepared(kept(alice.pk, data, "p.jpg")).data

    def test_what_cannot_be_read_is_none(self, alice, tmp_path):
        row = kept(alice.pk)
        for path in tmp_path.rglob(str(row.id)):
            path.unlink()
        assert attachments.prepared(row) is None


async def test_an_agent_reads_files_of_its_own_conversation_only(desk: Desk):
    conversation, other = await desk.begin(), await desk.begin()
    row = await sync_to_async(kept)(desk.who.user_id)
    await desk.submit(conversation, sends(row))
    ask = desk.sessions.journal.ask
    assert (await attachments.ConversationFiles(conversation, ask).read(str(row.id))).data == b"hello\n"
    assert await attachments.ConversationFiles(other, ask).read(str(row.id)) is None


async def test_files_take_so_much_room_and_go_with_their_conversation(
    desk: Desk, settings: Any, tmp_path: Any
) -> None:
    settings.HOLDFAST_FILE_BYTES_PER_USER = 10
    conversation = await desk.begin()
    row = await sync_to_async(kept)(desk.who.user_id)  # six bytes
    with pytest.raises(attachments.FilesFull, match="Delete conversations"):
        await sync_to_async(kept)(desk.who.user_id)
    again = await sync_to_async(attachments.keep)(desk.who.user_id, row.id, "notes.txt", b"hello\n", NOW)
    assert again == (row, False), "the same upload once more is no other file"
    await desk.submit(conversation, sends(row))
    assert (await desk.submit(conversation, DeleteBody(kind="delete"))).status == "applied"
    assert not await Attachment.objects.aexists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    await sync_to_async(kept)(desk.who.user_id)


async def test_files_of_a_deleted_conversation_go_whoever_dies_in_between(desk: Desk, tmp_path: Any) -> None:
    conversation = await desk.begin()
    row = await sync_to_async(kept)(desk.who.user_id)
    await desk.submit(conversation, sends(row))
    await desk.sessions.journal.delete(conversation, NOW)  # and nothing that comes after it
    assert await Attachment.objects.acount() == 1
    assert await sync_to_async(attachments.clean)(NOW) == 1
    assert not await Attachment.objects.aexists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
class TestCleaning:
    def test_what_was_never_sent_is_removed_after_a_day_and_nothing_else(self, alice, tmp_path):
        from tests.support import rows

        old, new, sent = kept(alice.pk), kept(alice.pk), kept(alice.pk)
        Attachment.objects.filter(id=old.id).update(created_at=NOW - attachments.UNSENT_MS - 1)
        Attachment.objects.filter(id=sent.id).update(created_at=0, conversation=rows.conversation(alice))
        assert attachments.clean(NOW) == 1
        assert set(Attachment.objects.values_list("id", flat=True)) == {new.id, sent.id}
        assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {str(new.id), str(sent.id)}

    def test_a_file_that_cannot_be_removed_keeps_no_other_from_it_and_is_told(self, alice, tmp_path):
        first, second = kept(alice.pk), kept(alice.pk)
        Attachment.objects.filter(id=first.id).update(created_at=0)
        (path,) = tmp_path.rglob(str(first.id))
        path.unlink()
        (path / "in the way").mkdir(parents=True)  # a folder that is not empty cannot be removed
        later = NOW + attachments.UNSENT_MS + 1
        assert attachments.clean(later) == 1
        aside = QueueFailure.objects.get()
        assert (aside.queue, aside.key, aside.aside) == ("upload", str(first.id), True)
        assert not list(tmp_path.rglob(str(second.id)))
        with pytest.raises(ValueError, match="does not remove it"):
            set_aside.try_again(aside)
        (path / "in the way").rmdir()
        set_aside.try_again(QueueFailure.objects.get())
        assert not path.exists() and not QueueFailure.objects.exists()

    def test_the_command_says_how_many(self, alice):
        kept(alice.pk)
        out = StringIO()
        call_command("clean_attachments", hours=0, stdout=out)
        assert out.getvalue() == "1 unsent files removed.\n"

    def test_a_deleted_user_leaves_no_files(self, alice, tmp_path):
        kept(alice.pk)
        alice.delete()
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
