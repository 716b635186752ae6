"""Frames are put together as text; they must be what the schema says."""

import json
from random import Random

import pytest

from agents import events as e
from chat.entrances.web import frames
from chat.entrances.web import protocol as p
from chat.session.state import items, merge, reduce
from tests.support.histories import flat, tell

CONVERSATION = "0192f0c1-2345-7000-8000-0123456789ab"


def states(seed: int):
    """The events of a history, and the state after each."""
    state: dict = {}
    for seq, event in enumerate(flat(tell(Random(seed))), start=1):
        state = merge(state, reduce(state, event, seq))
        yield seq, event, state


def raw(state: dict) -> dict[str, str]:
    """The state as Redis holds it."""
    return {key: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for key, value in state.items()}


def message(seq: int, text: str) -> dict:
    origin = {"entrance": "web", "name": ""}
    return {"kind": "message", "seq": seq, "id": f"m{seq}", "text": text, "at": 1, "origin": origin}


@pytest.mark.parametrize("seed", range(20))
def test_W2_an_event_frame_fits_the_schema_and_carries_the_stored_text_unchanged(seed):
    for seq, event, _ in states(seed):
        text = e.to_json(event)
        frame = frames.event(CONVERSATION, f"e:{seq - 1}:a", f"e:{seq}:b", seq, text)
        assert text in frame
        assert p.server_frames.validate_json(frame).event == event


@pytest.mark.parametrize("seed", range(20))
def test_S3_a_snapshot_frame_fits_the_schema_and_has_the_items_in_order(seed):
    for _, _, state in states(seed):
        (frame,) = frames.snapshot(CONVERSATION, "e:1:a", raw(state), "s.1", 'so "far"')
        parsed = p.server_frames.validate_json(frame)
        assert parsed.state.items == items(state)
        assert parsed.part == p.SnapshotPart(message="s.1", text='so "far"')


def test_W10_a_large_snapshot_comes_in_pieces_none_over_the_limit_that_make_the_state():
    texts = ["x" * 200_000, "字" * 100_000, "y" * 10, "🙂" * 90_000, "z" * 300_000]
    state = {"info": {"title": "t", "agent": "a", "created_at": 1}, "run": None}
    for seq, text in enumerate(texts, start=2):
        state[f"i:{seq}"] = message(seq, text)
    pieces = frames.snapshot(CONVERSATION, "e:9:a", raw(state), None, "")
    assert len(pieces) > 1
    assert all(frames.size(piece) <= p.MAX_FRAME_OUT for piece in pieces)
    parsed = [p.server_frames.validate_json(piece) for piece in pieces]
    assert [piece.piece for piece in parsed] == list(range(1, len(pieces) + 1))
    assert {piece.pieces for piece in parsed} == {len(pieces)}
    assert [item["text"] for piece in parsed for item in piece.state.items] == texts


def test_W10_an_item_that_fits_no_frame_is_shortened_and_the_rest_stays_readable():
    state = {"info": {"title": "t", "agent": "a", "created_at": 1}, "run": None}
    state |= {"i:2": message(2, "before"), "i:3": message(3, "x" * 600_000), "i:4": message(4, "after")}
    (piece,) = frames.snapshot(CONVERSATION, "e:9:a", raw(state), None, "")
    texts = [item["text"] for item in p.server_frames.validate_json(piece).state.items]
    assert texts[0] == "before" and texts[2] == "after"
    assert texts[1].startswith("xxx") and "too long" in texts[1]


def test_W10_a_snapshot_with_the_longest_first_slice_of_text_stays_within_the_limit():
    state = {
        "info": {"title": "t", "agent": "a", "created_at": 1},
        "run": None,
        "i:2": message(2, "q" * 16_000),
    }
    for text in ("\x01" * frames.MAX_PART, "🙂" * frames.MAX_PART):
        for piece in frames.snapshot(CONVERSATION, "e:9:a", raw(state), "s", text):
            assert frames.size(piece) <= p.MAX_FRAME_OUT
            assert p.server_frames.validate_json(piece).part.text == text


def test_items_stand_in_the_order_of_their_seq_not_of_their_names():
    state = {"info": {"title": "", "agent": "a", "created_at": 1}, "run": None}
    state |= {f"i:{seq}": message(seq, "") for seq in (100, 9, 20)}
    (piece,) = frames.snapshot(CONVERSATION, "e:9:a", raw(state), None, "")
    assert [item["seq"] for item in p.server_frames.validate_json(piece).state.items] == [9, 20, 100]


def test_W4_slices_of_text_are_addressed_in_utf16_units():
    text = "🙂" * (frames.MAX_PART + 1)
    assert list(frames.sliced(text)) == [(0, "🙂" * frames.MAX_PART), (2 * frames.MAX_PART, "🙂")]


def test_quoted_text_survives_whatever_it_holds():
    for text in ("</script>", "\u2028 \x00 \x7f", '"\\', "字🙂"):
        assert json.loads(frames.part(CONVERSATION, 's"1', 3, text))["text"] == text
