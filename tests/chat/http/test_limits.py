"""Rates (rule W11)."""

from chat.http.limits import Allowance, Bucket, RateLimits

LIMITS = RateLimits(burst=3, rate=2, flood=5)


def test_W11_a_burst_passes_and_then_the_rate_holds():
    bucket = Bucket(LIMITS, 0)
    assert [bucket.take(0) for _ in range(4)] == ["ok", "ok", "ok", "refused"]
    # Two tokens of time; what was refused has cost none.
    assert [bucket.take(1_000) for _ in range(3)] == ["ok", "ok", "refused"]


def test_W11_whoever_comes_steadily_twice_as_fast_is_heard_every_other_time():
    bucket = Bucket(LIMITS, 0)
    verdicts = [bucket.take(250 * n) for n in range(1_000)]  # four a second, at a rate of two
    assert verdicts[-100:].count("ok") == 50 and "flood" not in verdicts


def test_a_refusal_says_when_it_will_be_free():
    now = 0.0
    allowance = Allowance(RateLimits(burst=2, rate=0.2, flood=5), clock=lambda: now)
    assert [allowance.take("a") for _ in range(5)] == [True, True, False, False, False]
    assert allowance.retry_after("a") == 5
    now = 2.5
    assert allowance.retry_after("a") == 3
    for _ in range(10):
        assert not allowance.take("a")
    now = 5.5
    assert allowance.take("a") and not allowance.take("a")


def test_W11_whoever_waits_is_heard_again_and_never_gets_more_than_a_burst():
    bucket = Bucket(LIMITS, 0)
    for _ in range(6):
        bucket.take(0)
    assert [bucket.take(3_600_000) for _ in range(4)] == ["ok", "ok", "ok", "refused"]


def test_W11_a_flood_that_goes_on_is_told_apart_from_an_outburst():
    bucket = Bucket(LIMITS, 0)
    verdicts = [bucket.take(0) for _ in range(8)]
    assert verdicts == ["ok"] * 3 + ["refused"] * 4 + ["flood"]


def test_a_clock_that_goes_back_gives_and_takes_nothing():
    bucket = Bucket(LIMITS, 10_000)
    bucket.take(10_000)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == ["ok", "ok", "refused"]
    assert bucket.take(10_000) == "refused"


def test_users_have_allowances_of_their_own_and_only_so_many_are_remembered():
    now = 0.0
    allowance = Allowance(LIMITS, clock=lambda: now)
    assert [allowance.take("alice") for _ in range(4)] == [True, True, True, False]
    assert allowance.take("bob")
    allowance.REMEMBERED = 2
    allowance.take("carol")
    assert len(allowance._buckets) == 2
