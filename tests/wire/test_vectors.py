"""The vectors are what the Python reducer says today, and they reach the whole vocabulary (rule S4)."""

import typing
from pathlib import Path

from agents import events as e
from chat.entrances.web.protocol import SessionState
from tests.wire import make_vectors


def test_S4_vectors_are_up_to_date() -> None:
    here = Path(make_vectors.__file__).parent
    made = make_vectors.files()
    assert {path.name for path in here.glob("*.json")} == set(made), "run: python -m tests.wire.make_vectors"
    for name, text in made.items():
        assert (here / name).read_text() == text, f"{name} is old; run: python -m tests.wire.make_vectors"


def test_S4_vectors_know_every_event_type() -> None:
    union = typing.get_args(typing.get_args(e.AnyEvent)[0])
    told = {type(event) for events in make_vectors.histories().values() for event in events}
    assert told == set(union)


def test_S4_vectors_have_the_shapes_of_the_wire() -> None:
    for name, events in make_vectors.histories().items():
        for state in make_vectors.vector(name, events)["states"]:
            SessionState.model_validate(state["state"])
