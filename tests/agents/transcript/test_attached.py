"""Files in requests: shown where the model sees, named where it does not, bounded, and never lost (V9, V17 to V19)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.requests import render, render_text_only, validate
from agents.dialects.requests import validate as gate
from agents.history import History, UserMessage, empty, fold
from agents.profiles import all_profiles, get
from agents.providers.base import Profile
from agents.transcript import attached
from agents.transcript.room import ModelSettings
from tests.agents.transcript.fuzz import check
from tests.support.pictures import picture
from tests.support.strict_provider import refusal
from tests.support.wild import Teller

PNG = picture()
CHAT = get("openai-chat")


def image(id: str = "i", size: int = len(PNG), name: str = "photo.png") -> e.AttachmentRef:
    return e.AttachmentRef(id=id, name=name, media_type="image/png", size=size)


def text(id: str = "t", name: str = "notes.md", size: int = 20) -> e.AttachmentRef:
    return e.AttachmentRef(id=id, name=name, media_type="text/markdown", size=size)


def told(*messages: tuple[str, tuple[e.AttachmentRef, ...]]) -> History:
    history = empty("c")
    for seq, (words, files) in enumerate(messages, 1):
        said = e.MessageAdded(at=0, message=f"m{seq}", text=words, attachments=files)
        history = fold(history, said, seq)
    return history


def contents(**more: FileContent | None) -> dict[str, FileContent | None]:
    return {"i": FileContent("image/png", PNG), "t": FileContent("text/markdown", b"one\ntwo\n"), **more}


def asked(history: History, profile: Any = CHAT, model: str = "gpt-5", **options: Any) -> list[Any]:
    body = render(history, profile, ModelSettings(model, files=options.pop("files", contents()), **options))
    assert validate(body, profile) == []
    assert refusal(profile.name, body) is None
    return [message["content"] for message in body.get("messages") or body["input"]]


def test_a_picture_is_a_part_and_a_text_file_a_fence() -> None:
    [content] = asked(told(("What is this?", (image(), text()))))
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert content[0]["text"] == "What is this?\n\n[Attached image: photo.png]"
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert content[2]["text"] == "[Attached file: notes.md, 2 lines]\n```\none\ntwo\n```"


def test_the_responses_dialect_has_its_own_parts() -> None:
    [content] = asked(told(("", (image(),))), get("openai-responses"))
    assert [part["type"] for part in content] == ["input_text", "input_image"]
    assert content[1]["image_url"].startswith("data:image/png;base64,")


def test_a_model_that_cannot_see_is_told_of_the_picture_in_a_plain_string() -> None:
    for profile, model in ((get("deepseek"), "deepseek-chat"), (CHAT, "o3-mini"), (get("ollama"), "llama3")):
        [content] = asked(told(("Look", (image(),))), profile, model)
        assert content == "Look\n\n[Attached image: photo.png. This model cannot see images.]"


def test_an_agent_may_know_better_than_its_profile() -> None:
    sees = replace(get("ollama"), vision=".*")
    assert isinstance(asked(told(("", (image(),))), sees, "my-own")[0], list)


def test_text_only_has_no_pictures() -> None:
    body = render_text_only(told(("", (image(), text()))), CHAT, ModelSettings("gpt-5", files=contents()))
    assert validate(body, CHAT) == [] and "two" in body["messages"][0]["content"]
    assert isinstance(body["messages"][0]["content"], str)


def test_a_fence_is_longer_than_any_in_the_file_and_a_name_stays_on_its_line() -> None:
    file = text(name="a\n```\nb.md")
    found = FileContent("text/markdown", b"```\nx\n````\n")
    [content] = asked(told(("", (file,))), files={"t": found})
    assert content == "[Attached file: a ``` b.md, 3 lines]\n`````\n```\nx\n````\n`````"


def test_a_long_text_file_is_shortened_with_a_marker_and_files_share_the_room() -> None:
    long = FileContent("text/plain", ("x" * 99 + "\n").encode() * 5_000)
    files = tuple(text(f"t{n}", size=len(long.data)) for n in range(2))
    [content] = asked(told(("Read", files)), files={f"t{n}": long for n in range(2)}, window=10_000)
    assert content.count("characters are left out here") == 2
    assert content.count("5000 lines") == 2 and len(content) < 12_000


def test_only_the_newest_pictures_are_sent_within_a_number_and_a_size() -> None:
    many = told(*((f"m{n}", (image(f"i{n}"),)) for n in range(12)))
    sent = asked(
        many,
        replace(CHAT, alternates=False),
        files={f"i{n}": FileContent("image/png", PNG) for n in range(12)},
    )
    assert [isinstance(content, list) for content in sent] == [False] * 4 + [True] * 8
    assert "newer ones are shown" in sent[0]
    large = told(*((f"m{n}", (image(f"i{n}", size=9_000_000),)) for n in range(8)))
    assert len(attached.wanted(large, CHAT, "gpt-5")) == attached.IMAGE_BYTES // attached.SENT_BYTES


def test_what_is_gone_is_named() -> None:
    [content] = asked(told(("", (image(), text()))), files={"i": None, "t": None})
    assert content.count("It cannot be read any more.") == 2


def test_V17_files_count_in_the_window() -> None:
    history = told(*((f"m{n}", (text(f"t{n}", size=30_000),)) for n in range(30)))
    files: dict[str, FileContent | None] = {
        f"t{n}": FileContent("text/plain", b"word " * 6_000) for n in range(30)
    }
    body = render(history, CHAT, ModelSettings("gpt-5", window=20_000, files=files))
    assert len(str(body)) < 20_000 / 0.28 * 1.3
    assert "m29" in str(body["messages"][-1])


def test_V9_the_gate_refuses_pictures_that_nobody_may_send() -> None:
    def body(part: Any, role: str = "user") -> dict[str, Any]:
        messages = [{"role": "user", "content": "x"}, {"role": role, "content": [part]}]
        return {"model": "gpt-5", "messages": [*messages, {"role": "user", "content": "y"}]}

    def validate(body: dict[str, Any], profile: Profile) -> list[Any]:
        return gate(body, replace(profile, alternates=False))

    good = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert validate(body(good), CHAT) == []
    wrong = [
        validate(body(good, "assistant"), CHAT),
        validate(body(good) | {"model": "o3-mini"}, CHAT),
        validate(body({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}), CHAT),
        validate(body({"type": "image_url", "image_url": {"url": "data:text/html;base64,AAAA"}}), CHAT),
        validate(body({"type": "file"}), CHAT),
        validate(body({"type": "text", "text": " "}), CHAT),
    ]
    assert [[violation.rule for violation in found] for found in wrong] == [["V9"]] * 6


@pytest.mark.parametrize("seed", range(25))
def test_T1_whatever_happened_with_files_is_taken_by_every_provider(seed: int) -> None:
    """Generated histories with files strewn over their messages, for all profiles and both forms."""
    random = Random(seed)
    teller = Teller(random)
    history, files = strewn(teller.tell(4), random)
    for profile in all_profiles().values():
        for model in ("gpt-5-vision", "m-1"):
            window = random.choice((1, 2_000, 2_000_000))
            check(history, profile, ModelSettings(model, "You help.", (), window, files), teller.said)


def strewn(history: History, random: Random) -> tuple[History, dict[str, FileContent | None]]:
    files: dict[str, FileContent | None] = {}
    items: list[Any] = []
    for item in history.items:
        if isinstance(item, UserMessage) and random.random() < 0.6:
            refs = []
            for _ in range(random.randint(1, 4)):
                id = f"f{len(files)}"
                make = random.choice((image, text))
                refs.append(make(id, name=random.choice(("a.png", "日记", "", "[x]\n```", "\ud800"))))
                bodies = (b"", b"```\n", b"word " * 9_000, "好\ud800".encode("utf-8", "surrogatepass"), b"\0")
                data = PNG if make is image else random.choice(bodies)
                files[id] = random.choice(
                    (FileContent("image/png" if make is image else "text/plain", data), None)
                )
            item = replace(item, attachments=tuple(refs))
        items.append(item)
    return replace(history, items=tuple(items)), files
