"""Files in a real browser: chosen, uploaded, sent, shown after a reload, and answered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import stored
from tests.support.pictures import bomb, picture
from tests.support.processes import Stack

PHOTO = {"name": "photo.png", "mimeType": "image/png", "buffer": picture("PNG", (640, 480))}
NOTES = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# One\ntwo\nthree\n"}


def choose(chat: Any, *files: Any) -> None:
    chat.hook("file-input").set_input_files(list(files))


def test_a_picture_and_a_text_are_sent_answered_and_there_after_a_reload(visit: Any, house: Stack) -> None:
    chat = visit()
    choose(chat, PHOTO, NOTES)
    expect(chat.hook("composer-file", state="done")).to_have_count(2)
    conversation = chat.begin_here("What are these?")
    chat.wait_until_done()
    answer = chat.shown()[-1]["text"]
    assert "photo.png" in answer and "640×480" in answer
    assert "notes.md" in answer and "3 lines" in answer
    chat.page.reload()
    expect(chat.hook("attachment")).to_have_count(2)
    image = chat.page.locator('[data-testid="attachment"] img')
    expect(image).to_have_js_property("naturalWidth", 640)
    files = stored(house, conversation)[0]["attachments"]
    assert [file["media_type"] for file in files] == ["image/png", "text/markdown"]
    with chat.page.context.expect_page() as opened:
        image.click(modifiers=["Control"])
    # A page that was just opened is about:blank for a moment.
    id = image.locator("xpath=../..").get_attribute("data-id")
    expect(opened.value).to_have_url(re.compile(f"/api/attachments/{id}$"))


def test_files_alone_are_a_message(visit: Any) -> None:
    chat = visit()
    choose(chat, PHOTO)
    chat.begin_here("")
    chat.wait_until_done()
    assert "640×480" in chat.shown()[-1]["text"]
    expect(chat.hook("conversation-row").first).to_contain_text("photo.png")


def test_W11_a_file_that_is_refused_says_why_and_leaves_the_composer_usable(visit: Any) -> None:
    chat = visit()
    page = {"name": "photo.png", "mimeType": "image/png", "buffer": b"<script>alert(1)</script>"}
    choose(chat, page, {**PHOTO, "buffer": bomb()})
    expect(chat.hook("composer-file", state="failed")).to_have_count(2)
    expect(chat.hook("composer-file", code="wrong_type")).to_contain_text("whatever its name says")
    expect(chat.hook("composer-file", code="too_many_pixels")).to_be_visible()
    for _ in range(2):
        chat.hook("composer-file-remove").first.click()
    chat.begin_here("what is 2+2?")
    chat.wait_until_done()


@pytest.mark.exhaustive
def test_W5_a_file_chosen_without_a_link_goes_up_with_its_message_when_the_link_is_back(
    visit: Any, link: Any
) -> None:
    chat = visit()
    chat.begin("what is 1+1?")
    chat.wait_until_done()
    link.cut()
    choose(chat, PHOTO)
    expect(chat.hook("composer-file", state="waiting")).to_be_visible()
    chat.say("And this?")
    expect(chat.hook("message", status="uploading")).to_be_visible()
    link.restore()
    expect(chat.hook("message", status="done")).to_have_count(2, timeout=40_000)
    chat.wait_until_done()
    assert "640×480" in chat.shown()[-1]["text"]


@pytest.mark.exhaustive
def test_a_file_that_a_reload_has_lost_is_said_to_be(visit: Any, link: Any) -> None:
    chat = visit()
    chat.begin("what is 1+1?")
    chat.wait_until_done()
    chat.page.on("dialog", lambda dialog: dialog.accept())
    chat.page.route("**/api/attachments", lambda route: route.abort())
    choose(chat, PHOTO)
    chat.say("And this?")
    expect(chat.hook("message", status="uploading")).to_be_visible()
    chat.page.reload()
    expect(chat.hook("message", status="failed")).to_contain_text("Attach it again")
    chat.hook("message-retry").click()
    expect(chat.hook("message", status="done")).to_have_count(2, timeout=20_000)
