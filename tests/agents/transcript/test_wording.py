"""What a model reads of a call of which a person has said what became of it."""

from agents.history import Call
from agents.results import HAPPENED
from agents.transcript import wording


def decided(words: str, status: str = "succeeded") -> Call:
    return Call(
        id="c",
        ordinal=0,
        name="send",
        arguments="{}",
        attempt=1,
        status=status,
        result=words,
        code="resolved_by_person",
    )  # type: ignore[arg-type]


def test_R4_a_persons_words_are_marked_as_theirs_and_not_taken_for_the_tools():
    read = wording.result(decided("It is number 7."), 1_000)
    assert read.startswith(HAPPENED)
    assert "the person's words, not the tool's" in read
    assert read.endswith("It is number 7.")


def test_R4_without_words_it_still_says_that_it_happened():
    assert wording.result(decided(" "), 1_000) == HAPPENED


def test_R4_that_it_did_not_happen_stands_as_it_was_written():
    assert wording.result(decided("It did not happen.", "failed"), 1_000) == "It did not happen."
