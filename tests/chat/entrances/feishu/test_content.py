"""What messages say, and what a card's status looks like: pure functions."""

import json

import pytest

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.content import read
from chat.messenger.cards import Writer

BOT = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Bot"}
ANN = {"key": "@_user_10", "id": {"open_id": "ou_ann"}, "name": "Ann"}


def said(kind, content, mentions=(), bot="ou_bot"):
    return read({"message_type": kind, "content": json.dumps(content), "mentions": list(mentions)}, bot)


def test_mentions_are_resolved_and_our_own_is_left_out():
    found = said("text", {"text": "@_user_1 ask @_user_10 and @_all"}, [BOT, ANN])
    assert (found.text, found.for_us) == ("ask @Ann and @all", True)
    assert not said("text", {"text": "@_user_10 hi"}, [ANN]).for_us


def test_a_post_is_read_with_its_title_links_code_and_pictures():
    content = {
        "title": "News",
        "content": [
            [{"tag": "text", "text": "See "}, {"tag": "a", "text": "this", "href": "https://a.b"}],
            [{"tag": "at", "user_id": "@_user_10"}, {"tag": "img", "image_key": "k"}],
            [{"tag": "code_block", "language": "py", "text": "x = 1"}],
        ],
    }
    found = said("post", content, [ANN])
    assert found.text == "News\nSee [this](https://a.b)\n@Ann\n\n```py\nx = 1\n```"
    assert found.files == (("image", "k", "image"),)
    assert said("post", {"en_us": content}, [ANN]).text == found.text


def test_files_and_what_cannot_be_read_are_named():
    assert said("file", {"file_key": "k", "file_name": "plan.txt"}).files == (("file", "k", "plan.txt"),)
    assert said("image", {"image_key": "k"}).files == (("image", "k", "image"),)
    assert said("sticker", {}).text == "[a sticker that cannot be read here]"


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "null", '{"content": [[1, null]], "title": 3}'])
@pytest.mark.parametrize("kind", ["text", "post", "image", "file", "what"])
def test_odd_content_is_no_error(kind, content):
    read({"message_type": kind, "content": content, "mentions": [None, {}]}, "ou_bot")


def test_the_status_names_tools_and_time():
    call = {"id": "c", "name": "look_*up*", "arguments": "{}", "status": "running", "started_at": 65_000}
    state = {
        "run": {"id": "r", "status": "running", "queued_at": 0, "ended_at": None, "stopping": False},
        "i:2": {
            "kind": "step",
            "seq": 2,
            "id": "s",
            "run": "r",
            "status": "finished",
            "text": "",
            "calls": [call],
        },
    }
    assert (
        Writer(FEISHU.markup, FEISHU.limits, "en").status(state, "r", 70_000)
        == "**Working** · 1 min 10 s\n⏳ look&#95;&#42;up&#42; · 5 s"
    )
