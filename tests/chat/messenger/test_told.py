"""How far a chat is told: the pure mark, against a chat that is told piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.messenger.told import Drawn, Read, is_news, is_told, mark


def test_cards_drawn_from_an_older_state_do_not_move_the_mark_to_the_journals_head():
    waits = Read(head=12, run="r", queued=3, waiting=True)
    assert mark(8, waits, Drawn(10, settled=True, whole=True)) == 10
    assert mark(8, waits, Drawn(12, settled=True, whole=True)) == 12
    assert not is_told(10, waits, Drawn(10, settled=True, whole=True))
    assert is_told(12, waits, Drawn(12, settled=True, whole=True))


def test_a_run_at_work_is_told_up_to_where_it_was_queued():
    works = Read(head=9, run="r", queued=5)
    assert mark(0, works, Drawn(9, settled=True, whole=False)) == 4
    assert mark(0, works, Drawn(9, settled=False, whole=False)) == 0
    assert mark(7, works, Drawn(9, settled=True, whole=False)) == 7, "it waited at 7, and that was told"


def test_what_happens_in_a_run_at_work_is_no_news_but_its_end_is():
    works = Read(head=9, run="r", queued=5)
    assert not is_news(works, 11, "r", False)
    assert is_news(works, 11, "r", True) and is_news(works, 11, "", False) and is_news(works, 11, "s", False)
    assert not is_news(works, 9, "", False), "the journal is ahead of the feed"
    assert is_news(Read(head=9), 10, "", False)


@dataclass
class Chat:
    """A conversation as a list of what happens, and a chat that is told of it: the model that the mark is tried on."""

    events: list[str]
    #: What was put into the outbox, and what the cards show, by seq.
    outbox: set[int]
    drawn: int = 0
    mark: int = 0

    def read(self, head: int) -> Read:
        """The journal up to `head`, as it is filled into the outbox."""
        self.outbox |= set(range(1, head + 1))
        run, queued, waiting = "", 0, False
        for seq, event in enumerate(self.events[:head], 1):
            match event:
                case "queued":
                    run, queued, waiting = f"r{seq}", seq, False
                case "waiting":
                    waiting = bool(run)
                case "resumed":
                    waiting = False
                case "ended":
                    run, queued, waiting = "", 0, False
        return Read(head, run, queued, waiting)

    def works_at(self, seq: int) -> bool:
        return self.read(seq).works


@settings(derandomize=True, max_examples=400)
@given(
    st.lists(st.sampled_from(["said", "queued", "waiting", "resumed", "ended"]), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans(), st.booleans()), max_size=30),
)
def test_the_mark_never_passes_what_was_told_and_reaches_the_end(wanted, rounds):
    chat = Chat(_possible(wanted), set())
    end = len(chat.events)
    for head, seen, settled, whole in rounds:  # any order of reading, drawing, dying and beginning again
        read = chat.read(min(head, end))
        drawn = Drawn(min(seen, end), settled, settled and whole and not read.works)
        before, chat.mark = chat.mark, mark(chat.mark, read, drawn)
        assert chat.mark >= before
        assert chat.mark == before or set(range(1, chat.mark + 1)) <= chat.outbox
        assert chat.mark == before or drawn.settled
        assert chat.mark <= before or chat.mark <= max(drawn.seq, read.queued - 1)
        if is_told(chat.mark, read, drawn):
            assert drawn.whole and not read.works
    last = chat.read(end)
    drawn = Drawn(end, settled=True, whole=not last.works)
    chat.mark = mark(chat.mark, last, drawn)
    assert is_told(chat.mark, last, drawn) != last.works, "with everything told, only a run at work is left"


def _possible(wanted: list[str]) -> list[str]:
    """The events that can follow each other: one run at a time."""
    kept: list[str] = []
    active = waiting = False
    for event in wanted:
        fits = {
            "said": True,
            "queued": not active,
            "waiting": active and not waiting,
            "resumed": waiting,
            "ended": active,
        }[event]
        if not fits:
            continue
        active = {"queued": True, "ended": False}.get(event, active)
        waiting = {"waiting": True, "resumed": False, "ended": False}.get(event, waiting)
        kept.append(event)
    return kept or ["said"]
