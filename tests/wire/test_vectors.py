"""The vectors are what the Python reducer says today, and they reach the whole vocabulary (rules S4, J2 to J5)."""

import json
import typing
from pathlib import Path
from typing import Any

import pytest

from agents import events as e
from agents.history import empty, fold
from chat.entrances.web.protocol import SessionState
from chat.session.state import merge, reduce
from tests.wire import make_vectors

HERE = Path(make_vectors.__file__).parent
RELEASES = sorted(HERE.glob("releases/*/*.json"))


def test_S4_vectors_are_up_to_date() -> None:
    made = make_vectors.files()
    assert {path.name for path in HERE.glob("*.json")} == set(made), "run: python -m tests.wire.make_vectors"
    for name, text in made.items():
        assert (HERE / name).read_text() == text, f"{name} is old; run: python -m tests.wire.make_vectors"


def test_S4_vectors_know_every_event_type() -> None:
    union = typing.get_args(typing.get_args(e.AnyEvent)[0])
    told = {type(event) for events in make_vectors.of_this_release().values() for event in events}
    assert told == set(union)


def test_S4_vectors_have_the_shapes_of_the_wire() -> None:
    for name, events in make_vectors.of_this_release().items():
        for state in make_vectors.vector(name, events)["states"]:
            SessionState.model_validate(state["state"])


def test_J2_J3_the_history_of_a_later_release_has_what_this_one_cannot_know() -> None:
    told = make_vectors.histories()["of-a-later-release"]
    read = [e.from_json(make_vectors.stored(one)) for one in told]
    assert any(event.model_extra for event in read)
    whys = {event.why.split(",")[0].split(" (")[0] for event in read if isinstance(event, e.UnknownEvent)}
    assert whys == {"its type is not known", "its version is 2", "it is not as it is known"}
    state = make_vectors.vector("x", told)["states"][-1]["state"]
    assert (state["run"]["status"], state["run"]["code"]) == ("failed", "moon_phase")
    sms = next(item for item in state["items"] if item["id"] == "sms")
    assert sms["origin"]["number"] == "+43 1" and sms["attachments"][0]["pages"] == 3


def test_J5_there_is_a_release_to_be_held_by() -> None:
    assert RELEASES, "run: python -m tests.wire.make_vectors --release <version>"


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_J5_what_an_earlier_release_wrote_is_read_as_it_was_meant(path: Path) -> None:
    kept = json.loads(path.read_text())
    expected = {one["seq"]: one["state"] for one in kept["states"]}
    state: dict[str, Any] = {}
    history = empty("c")
    for one in kept["events"]:
        event = e.from_json(one["text"])
        assert not isinstance(event, e.UnknownEvent), one
        state = merge(state, reduce(state, event, one["seq"]))
        history = fold(history, event, one["seq"])
        if one["seq"] in expected:
            assert_has(make_vectors.shown(state), expected[one["seq"]], f"after {one['seq']}")
    assert history.unread is None


def assert_has(now: Any, then: Any, place: str) -> None:
    """Everything that was said then is said now; there may be more."""
    if isinstance(then, dict):
        assert isinstance(now, dict), place
        for key, value in then.items():
            assert key in now, f"{place}.{key}"
            assert_has(now[key], value, f"{place}.{key}")
    elif isinstance(then, list):
        assert isinstance(now, list) and len(now) == len(then), place
        for number, (a, b) in enumerate(zip(now, then, strict=True)):
            assert_has(a, b, f"{place}[{number}]")
    else:
        assert now == then, place
