"""What messages say, and what a card's status looks like: pure functions."""

import json

import pytest
from django.utils import translation

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.content import read
from chat.entrances.feishu.kinds import _KINDS
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
    assert "hologram" in said("hologram", {}).text


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("audio", {"file_key": "k", "duration": 2_000}, "[a voice message of 2 seconds]"),
        ("media", {"file_key": "k", "image_key": "i", "file_name": "v.mp4"}, "[a video]"),
        (
            "location",
            {"name": "Kiel", "longitude": "10.1", "latitude": "54.3"},
            "[a location: Kiel (54.3, 10.1)]",
        ),
        ("vote", {"topic": "Lunch?", "options": ["yes", "no"]}, "[a vote: Lunch?]\n- yes\n- no"),
        (
            "todo",
            {
                "summary": {"title": "", "content": [[{"tag": "text", "text": "eat"}]]},
                "due_time": "1623124318000",
            },
            "[a task: eat, due 2021-06-08 03:51 UTC]",
        ),
        (
            "calendar",
            {"summary": "Talk", "start_time": "1608265395000", "end_time": "1608267015000"},
            "[a calendar entry: Talk, from 2020-12-18 04:23 UTC to 2020-12-18 04:50 UTC]",
        ),
        (
            "video_chat",
            {"topic": "Sync", "start_time": "1623124523829"},
            "[a video meeting: Sync, 2021-06-08 03:55 UTC]",
        ),
        (
            "system",
            {"template": "{from_user} invited {to_chatters}.", "from_user": ["A"], "to_chatters": ["B", "C"]},
            "[Feishu says: A invited B, C.]",
        ),
        ("system", {"template": "{divider_text}", "divider_text": {"text": "New"}}, "[Feishu says: New]"),
        ("share_user", {"user_id": "ou_1"}, "[the card of the person ou_1]"),
        ("hongbao", {"text": "[红包]"}, "[红包]"),
        (
            "interactive",
            {
                "title": "Card",
                "elements": [[{"tag": "text", "text": "hi "}, {"tag": "a", "text": "x", "href": "http://a"}]],
            },
            "Card\nhi [x](http://a)",
        ),
        ("interactive", {}, "[a card that cannot be read here]"),
    ],
)
def test_other_kinds_are_read_in_words(kind, content, text):
    assert said(kind, content).text == text


def test_video_and_audio_are_fetched_by_the_key_of_the_file():
    assert said("media", {"file_key": "k", "image_key": "i", "file_name": "v.mp4"}).files == (
        ("file", "k", "v.mp4"),
    )
    assert said("audio", {"file_key": "k"}).files == (("file", "k", "voice.opus"),)
    post = {"content": [[{"tag": "media", "file_key": "k", "image_key": "i"}]]}
    assert said("post", post).files == (("file", "k", "video.mp4"),)


def test_words_of_ours_are_in_the_language_that_is_active():
    with translation.override("zh-hans"):
        assert said("vote", {"topic": "午饭", "options": []}).text == "[投票：午饭]"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "nonsense",
        "[]",
        "null",
        '{"content": [[1, null]], "title": 3, "elements": [[2]], "options": 4, "summary": []}',
    ],
)
@pytest.mark.parametrize("kind", ["text", "post", "image", "file", "what", *sorted(_KINDS)])
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
