"""The rule for what raises: bounded tries, then set aside, with words that every database can keep."""

from chat.support.poison import MAX_REASON, MAX_TRIES, after, told


def test_a_row_is_tried_so_often_and_no_more():
    verdicts = [after(tries, ValueError("no")) for tries in range(MAX_TRIES)]
    assert [one.tries for one in verdicts] == [1, 2, 3, 4, 5]
    assert [one.aside for one in verdicts] == [False] * (MAX_TRIES - 1) + [True]
    assert verdicts[-1].reason == "ValueError: no"


def test_a_reason_has_neither_half_characters_nor_zeros_nor_too_much():
    assert told(ValueError("a\ud800b\0c")) == "ValueError: a?b�c"
    assert len(after(0, ValueError("x" * 1_000)).reason) == MAX_REASON
