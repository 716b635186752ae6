"""Whether there is room: the pure part (docs/limits.md)."""

import pytest

from chat.limits.decide import DAY_MS, LimitReached, day_of, decide, permit
from chat.limits.rates import PerMinute
from chat.limits.table import DOLLAR, LIMITS, Name, most

NOON = 20_000 * DAY_MS + DAY_MS // 2


@pytest.mark.parametrize("name", ["runs", "tokens", "money"])
def test_what_a_day_ends_is_refused_when_all_is_spent_until_midnight(name: Name) -> None:
    assert decide({name: 9}, {name: 10}, NOON) is None
    refusal = decide({name: 10}, {name: 10}, NOON)
    assert refusal is not None and refusal.limit.name == name
    assert refusal.after == 12 * 3600
    assert day_of(NOON + refusal.after * 1000) > day_of(NOON)
    last = decide({name: 11}, {name: 10}, day_of(NOON) + DAY_MS - 1)
    assert last is not None and last.after == 1, "never 0: that would say that nobody knows"


def test_what_is_deleted_again_is_refused_when_it_does_not_fit() -> None:
    assert decide({"files": 90}, {"files": 100}, NOON, adds=10) is None
    refusal = decide({"files": 90}, {"files": 100}, NOON, adds=11)
    assert refusal is not None and refusal.after == 0
    assert decide({"conversations": 4}, {"conversations": 5}, NOON) is None
    assert decide({"conversations": 5}, {"conversations": 5}, NOON) is not None


def test_zero_is_no_limit_and_the_first_of_the_table_is_told() -> None:
    much: dict[Name, int] = {"runs": 10**12, "tokens": 10**15, "money": 10**18}
    assert decide(much, dict.fromkeys(much, 0), NOON) is None
    assert decide(much, {}, NOON) is None
    with pytest.raises(LimitReached) as reached:
        permit(much, {"runs": 1, "tokens": 1, "money": 1}, NOON)
    assert reached.value.code == "runs_spent" and reached.value.after == 12 * 3600


def test_the_settings_say_how_much_and_dollars_are_counted_in_billionths(settings) -> None:
    settings.HOLDFAST_DOLLARS_PER_DAY, settings.HOLDFAST_RUNS_PER_DAY = 3, 7
    assert most(("money", "runs")) == {"money": 3 * DOLLAR, "runs": 7}


def test_each_limit_has_its_setting_and_each_refusal_its_words() -> None:
    from django.conf import settings

    assert len({one.name for one in LIMITS}) == len(LIMITS)
    for one in LIMITS:
        assert isinstance(getattr(settings, one.setting), int), one.name
        assert bool(one.code) == (one.frees != "oldest"), one.name


def test_within_a_minute_so_many_and_what_is_refused_does_not_count() -> None:
    now = [0.0]
    limit = PerMinute(lambda: now[0])

    def refused() -> LimitReached:
        with pytest.raises(LimitReached) as reached:
            limit.take("ann", 3)
        return reached.value

    for _ in range(3):
        limit.take("ann", 3)
    assert [refused().after for _ in range(2)] == [60, 60]
    limit.take("bob", 3)
    now[0] = 59.5
    assert refused().code == "too_fast" and refused().after == 1
    now[0] = 60.0
    for _ in range(3):
        limit.take("ann", 3)
    limit.take("ann", 0)  # no limit
