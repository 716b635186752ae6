"""What waits for a slow reader stays bounded, and what reaches it is true (rule W10)."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.entrances.web import frames
from chat.entrances.web.outlet import CONTROL_LIMIT, JOIN, LIMIT, Chunk, Control, Outlet, QueuedFrame


def written(outlet: Outlet) -> list[dict]:
    """Everything that waits, as the reader would get it."""
    out = []
    while (text := outlet.take()) is not None:
        out.append(json.loads(text))
    return out


def said(parts: list[dict]) -> str:
    """The text that a reader puts together from parts; fails on a hole."""
    text = ""
    for part in parts:
        assert part["offset"] == frames.units(text), "a hole, or an overlap"
        text += part["text"]
    return text


class TestOrder:
    def test_frames_leave_in_the_order_in_which_they_came(self):
        outlet = Outlet()
        for number in range(5):
            outlet.put(QueuedFrame("c", json.dumps({"n": number})))
        assert [frame["n"] for frame in written(outlet)] == [0, 1, 2, 3, 4]

    def test_of_two_heartbeats_only_the_newer_waits(self):
        outlet = Outlet()
        outlet.put(Control('{"n":1}', slot="heartbeat"))
        outlet.put(Control('{"n":2}'))
        outlet.put(Control('{"n":3}', slot="heartbeat"))
        assert [frame["n"] for frame in written(outlet)] == [2, 3]
        assert outlet.bytes == 0


class TestConflation:
    def test_W10_neighbouring_parts_become_one(self):
        outlet = Outlet()
        outlet.put(Chunk("c", "s", 0, "né"))
        outlet.put(Chunk("c", "s", 2, "🙂"))
        outlet.put(Chunk("c", "s", 4, "!"))
        assert written(outlet) == [
            {"type": "part", "conversation": "c", "message": "s", "offset": 0, "text": "né🙂!"}
        ]

    def test_parts_of_other_steps_and_parts_with_a_hole_between_stay_apart(self):
        outlet = Outlet()
        outlet.put(Chunk("c", "s", 0, "a"))
        outlet.put(Chunk("c", "other", 1, "b"))
        outlet.put(Chunk("c", "other", 5, "c"))
        assert [part["text"] for part in written(outlet)] == ["a", "b", "c"]

    def test_W10_parts_interleaved_with_other_conversations_are_conflated_before_anything_is_dropped(self):
        outlet = Outlet(limit=10_000)
        for number in range(100):
            outlet.put(Chunk("one", "s", number, "a"))
            outlet.put(Chunk("two", "t", number, "b"))
            assert outlet.overflow() is None
        parts = written(outlet)
        assert said([part for part in parts if part["conversation"] == "one"]) == "a" * 100
        assert said([part for part in parts if part["conversation"] == "two"]) == "b" * 100
        assert len(parts) < 200

    def test_a_part_is_never_moved_over_an_event_of_its_own_conversation(self):
        outlet = Outlet(limit=200)
        outlet.put(Chunk("c", "s", 0, "a"))
        outlet.put(QueuedFrame("c", '{"type":"event"}'))
        outlet.put(Chunk("c", "s", 1, "b"))
        outlet.overflow()
        assert [frame["type"] for frame in written(outlet)] == ["part", "event", "part"]

    def test_a_chunk_that_is_too_long_for_one_frame_leaves_in_slices(self):
        text = "字" * (frames.MAX_PART * 2 + 5)
        outlet = Outlet()
        outlet.put(Chunk("c", "s", 7, text))
        parts = written(outlet)
        assert "".join(part["text"] for part in parts) == text
        assert [part["offset"] for part in parts] == [7, 7 + frames.MAX_PART, 7 + 2 * frames.MAX_PART]
        assert outlet.bytes == 0

    def test_joining_stops_at_a_size_so_that_it_does_not_cost_the_square(self):
        outlet = Outlet()
        outlet.put(Chunk("c", "s", 0, "a" * JOIN))
        outlet.put(Chunk("c", "s", JOIN, "b"))
        assert len(outlet) == 2


class TestOverflow:
    def test_W10_the_conversation_that_takes_most_room_is_dropped_and_only_that(self):
        outlet = Outlet()
        outlet.put(QueuedFrame("small", '{"n":"small"}'))
        for _ in range(20):
            outlet.put(QueuedFrame("big", '{"n":"' + "x" * 20_000 + '"}'))
        assert outlet.overflow() == "big"
        outlet.drop("big")
        assert outlet.overflow() is None
        assert [frame["n"] for frame in written(outlet)] == ["small"]

    def test_one_large_frame_alone_says_nothing_about_the_reader(self):
        outlet = Outlet()
        outlet.put(QueuedFrame("c", "x" * (LIMIT + 1)))
        assert outlet.overflow() is None

    def test_a_snapshot_is_not_counted_or_the_cure_would_cause_the_illness(self):
        outlet = Outlet()
        for _ in range(4):
            outlet.put(QueuedFrame("c", "x" * 500_000, snapshot=True))
        outlet.put(QueuedFrame("c", "synced"))
        assert outlet.overflow() is None
        assert not outlet.room
        for _ in range(4):
            outlet.take()
        assert outlet.room

    def test_a_reader_that_takes_no_control_frame_either_is_stuck(self):
        outlet = Outlet()
        while not outlet.stuck:
            outlet.put(Control("x" * 1_000))
        assert outlet.bytes <= CONTROL_LIMIT + 1_000
        assert outlet.overflow() is None


texts = st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
steps = st.lists(st.tuples(st.sampled_from("abc"), texts, st.integers(0, 4)), max_size=120)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(steps, st.integers(400, 4_000))
def test_W10_whatever_the_reader_does_it_gets_the_text_exactly_or_is_told(moves, limit):
    """Several conversations stream; the reader takes a frame now and then. What a reader has put together is
    always the beginning of what was said, unless it was told that frames were dropped."""
    outlet = Outlet(limit=limit)
    spoken: dict[str, str] = dict.fromkeys("abc", "")
    heard: dict[str, str] = dict.fromkeys("abc", "")

    def take() -> None:
        if (text := outlet.take()) is None:
            return
        part = json.loads(text)
        key = part["conversation"]
        assert part["offset"] == frames.units(heard[key])
        heard[key] += part["text"]

    for key, text, taken in moves:
        outlet.put(Chunk(key, "s", frames.units(spoken[key]), text))
        spoken[key] += text
        while (dropped := outlet.overflow()) is not None:
            outlet.drop(dropped)
            heard[dropped] = spoken[dropped]  # it opens again and gets a snapshot
        assert outlet.bytes <= limit or len(outlet) == 1
        for _ in range(taken):
            take()
    while len(outlet):
        take()
    assert heard == spoken
    assert outlet.bytes == 0
