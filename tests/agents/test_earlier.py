"""What is told for the release before is read by it. Its witness is its own code: `events_of_0_1_0.schema.json` is what
pydantic says of `AnyEvent` there (c4c434f, `TypeAdapter(AnyEvent).json_schema()`), and it refuses every other field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from agents import events as e
from agents.events.earlier import EARLIER
from tests.wire import make_vectors

SCHEMA = json.loads((Path(__file__).parent / "events_of_0_1_0.schema.json").read_text())
READER = jsonschema.Draft202012Validator(SCHEMA)
KNOWN = set(SCHEMA["discriminator"]["mapping"])
TOLD = EARLIER["0.1"]
#: What only something writes that 0.1 does not have: a copy, a title by a model, a guest.
OF_NEW_FEATURES = {"copied_from", "model", "problem", "usage", "actor"}
CODES = get_args(e.RunCode)


def of_this_release() -> Iterator[e.Event]:
    """Every event of the vectors whose type 0.1 knows, and those that have every field and word of today."""
    for history in make_vectors.of_this_release().values():
        yield from (event for event in history if isinstance(event, e.Event) and _type(event) in KNOWN)
    facts = e.RequestFacts(settings="s", form=("plain",), window=8000, since=1, digest="d")
    yield e.StepStarted(at=1, run="r", step="r.1", model="m", request=facts, agent="assistant")
    for why in get_args(e.Incomplete):
        call = e.ProposedCall(call="c", ordinal=0, name="n", arguments="{}", problem="not_permitted")
        yield e.StepFinished(
            at=1,
            run="r",
            step="r.1",
            text="t",
            calls=(call,),
            reasoning="so",
            incomplete=why,
            first_at=2,
            sent="d",
        )
    yield e.StepStopped(at=1, run="r", step="r.1", text="t", reasoning="so", first_at=1)
    for code in CODES:
        yield e.RunRetrying(at=1, run="r", code=code, retry_at=2)
        yield e.RunFailed(at=1, run="r", code=code)
        yield e.RunFinished(at=1, run="r", limit=code)
    for code in get_args(e.CallCode):
        yield e.CallSettled(
            at=1, step="r.1", call="c", attempt=1, status="failed", result="", preview="", size=0, code=code
        )
    for reason in ("lease_lost", "handed_over", "store_lost", "crashed", "internal_error"):
        yield e.RunRecovering(at=1, run="r", reason=reason, crowd=3)


def _type(event: Any) -> str:
    return str(event.type)


def _is_of_a_new_feature(event: e.Event) -> bool:
    raw = json.loads(e.to_json(event))
    if _type(event) in ("message.added", "note.added"):
        return "actor" in raw["origin"]
    return _type(event) in ("conversation.created", "conversation.renamed") and bool(
        OF_NEW_FEATURES & raw.keys()
    )


def refused(event: e.Event) -> list[str]:
    """What 0.1 has against it."""
    return [str(problem.message)[:200] for problem in READER.iter_errors(json.loads(e.to_json(event)))]


def test_what_this_release_writes_is_read_by_0_1() -> None:
    told = [event for event in of_this_release() if not _is_of_a_new_feature(event)]
    assert {_type(event) for event in told} == KNOWN
    wrong = [(e.to_json(event), problems) for event in told if (problems := refused(TOLD(event)))]
    assert not wrong, wrong[:3]


def test_without_it_0_1_would_refuse_them() -> None:
    """So the schema is a witness: the fields that 0.1 lacks are seen."""
    facts = e.RequestFacts(settings="s", window=8000, since=1, digest="d")
    assert refused(e.StepStarted(at=1, run="r", step="r.1", request=facts))
    assert refused(e.RunFailed(at=1, run="r", code="no_answer"))
    assert refused(e.RunRecovering(at=1, run="r", reason="crashed", crowd=1))


def test_J2_what_says_nothing_is_not_written() -> None:
    """The texts of a turn without new words are those of 0.1: no byte for a field that is at its default."""
    kinds = {kind.model_fields["type"].default: kind for kind in get_args(get_args(e.AnyEvent)[0])}
    for type, place in SCHEMA["discriminator"]["mapping"].items():
        had = SCHEMA["$defs"][place.rpartition("/")[2]]["properties"]
        added = {name: field for name, field in kinds[type].model_fields.items() if name not in had}
        assert all(field.exclude_if is not None for field in added.values()), f"{type}: {sorted(added)}"
    assert not refused(e.StepStarted(at=1, run="r", step="r.1"))
    assert not refused(e.StepFinished(at=1, run="r", step="r.1", text="t"))


def test_it_is_the_same_when_it_is_done_twice() -> None:
    for event in of_this_release():
        once = TOLD(event)
        assert TOLD(once) == once


def test_R4_a_crash_in_a_crowd_is_not_told_as_one_alone() -> None:
    """In 0.1 "crashed" proves that the run itself was the cause, and nobody counts the others."""
    assert TOLD(e.RunRecovering(at=1, run="r", reason="crashed", crowd=3)) == e.RunRecovering(
        at=1, run="r", reason="lease_lost"
    )
    assert TOLD(e.RunRecovering(at=1, run="r", reason="crashed", crowd=1)) == e.RunRecovering(
        at=1, run="r", reason="crashed"
    )


@pytest.mark.parametrize("release", EARLIER)
def test_every_release_can_be_named_in_the_settings(release: str) -> None:
    from config.values import Values

    assert settings.HOLDFAST_COMPATIBILITY_VERSION == ""
    assert Values({"X": release}).choice("X", "", tuple(EARLIER)) == release
