"""What was made of an item is made once for each life of it, and is what would be made of a copy."""

from __future__ import annotations

import gc
from copy import deepcopy
from dataclasses import replace

from agents.dialects.chat.request import FORM
from agents.dialects.requests import render
from agents.history import Call, History, Step, UserMessage
from agents.profiles import all_profiles
from agents.transcript.made import ByItem
from agents.transcript.room import ModelSettings, Room

ASK = ModelSettings("some-model", window=1_000_000)
PROFILE = all_profiles()["openai-chat"]


def step(number: int, *ids: str) -> Step:
    calls = tuple(
        Call(id=id, ordinal=place, name="look", arguments="{}", status="succeeded", result=f"seen {id}")
        for place, id in enumerate(ids)
    )
    return Step(id=f"run.{number}", seq=number, run="run", status="finished", text="I look.", calls=calls)


def room(**more: object) -> Room:
    return Room(PROFILE, ASK, 1_000, **more)  # type: ignore[arg-type]


def test_it_is_made_once_and_anew_with_another_key() -> None:
    kept, item, made = ByItem[int](), step(1), list[int]()

    def make() -> int:
        made.append(len(made))
        return made[-1]

    assert [kept.of(item, "a", make), kept.of(item, "a", make), kept.of(item, "b", make)] == [0, 0, 1]
    assert kept.of(deepcopy(item), "b", make) == 2, "another item, however alike"


def test_it_goes_with_its_item() -> None:
    kept, items = ByItem[int](), [step(number) for number in range(50)]
    for item in items:
        kept.of(item, 0, lambda: 1)
    assert len(kept) == 50
    del items[10:], item
    gc.collect()
    assert len(kept) == 10


def test_a_step_is_rendered_once_while_its_conversation_goes_on() -> None:
    steps = [step(number, f"call{number:05}") for number in range(2, 9)]
    items = (UserMessage("said", 1, "Look around."), *steps)
    first = render(History(items=items), PROFILE, ASK)
    grown = History(items=(*items, UserMessage("more", 9, "And there?"), step(10, "call00010")))
    again = render(grown, PROFILE, ASK)
    from_steps = [message for message in first["messages"] if message["role"] != "user"]
    assert len(from_steps) == 2 * len(steps)
    made_again = {id(message) for message in again["messages"]}
    assert all(id(message) in made_again for message in from_steps), "these very messages, and none like them"
    assert again["messages"][: len(first["messages"])] == first["messages"]
    assert again == render(deepcopy(grown), PROFILE, ASK)


def test_V4_an_id_that_is_used_already_is_another_one_as_in_a_copy() -> None:
    said = step(2, "abcdefghi", "abcdefghj")
    alone = FORM.step(said, room())
    crowded = FORM.step(said, room(ids={"abcdefghi"}))
    assert [call["id"] for call in alone[0]["tool_calls"]] == ["abcdefghi", "abcdefghj"]
    assert crowded[0]["tool_calls"][0]["id"] != "abcdefghi"
    assert crowded == FORM.step(deepcopy(said), room(ids={"abcdefghi"}))
    used = room()
    FORM.step(said, used)
    assert used.ids == {"abcdefghi", "abcdefghj"}


def test_another_profile_or_model_has_messages_of_its_own() -> None:
    said = step(2, "abcdefghi")
    plain = FORM.step(said, room())
    other = Room(replace(PROFILE, reasoning="all"), ASK, 1_000)
    assert "reasoning_content" in FORM.step(said, other)[0] and "reasoning_content" not in plain[0]
    assert FORM.step(said, room()) == plain
