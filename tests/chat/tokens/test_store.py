"""Tokens: shown once, stored hashed, for what they were made for, until they end (rule W11)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import connection

from chat.authorization import ACTIONS
from chat.tokens import store
from chat.tokens.limits import MAX_OPEN, TokenLimits, TooManyOpen
from chat.tokens.models import ApiToken
from chat.tokens.scopes import NEEDED, SCOPES, covers
from chat.tokens.store import DAY_MS, InvalidToken

NOW = 1_800_000_000_000


def make(
    owner: Any, scopes: tuple[str, ...] = ("read",), days: int = 7, now: int = NOW
) -> tuple[ApiToken, str]:
    return store.make(owner.pk, "CI", scopes, days, 60, now)


def test_what_a_token_says_is_nowhere_in_the_database(alice: Any) -> None:
    row, text = make(alice)
    assert text.startswith("holdfast_") and len(text) > 45
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM tokens_apitoken")
        stored = " ".join(str(cell) for cell in cursor.fetchone())
    assert text not in stored and text[13:-4] not in stored
    assert row.digest == hashlib.sha256(text.encode()).hexdigest()


def test_it_opens_until_it_ends_and_not_a_moment_longer(alice: Any) -> None:
    row, text = make(alice)
    bearer = store.find(text, NOW + 1)
    assert bearer is not None and (bearer.user, bearer.scopes, bearer.active) == (alice.pk, {"read"}, True)
    assert bearer.speaker == "alice (CI)"
    assert store.find(text, NOW + 7 * DAY_MS - 1) is not None
    assert store.find(text, NOW + 7 * DAY_MS) is None
    assert store.again(row.pk, NOW + 7 * DAY_MS) is None


def test_a_revoked_one_opens_nothing_and_is_revoked_by_its_owner_alone(alice: Any, bob: Any) -> None:
    row, text = make(alice)
    assert not store.revoke(row.pk, NOW, owner_id=bob.pk)
    assert store.find(text, NOW) is not None
    assert store.revoke(row.pk, NOW + 5, owner_id=alice.pk) and store.revoke(
        row.pk, NOW + 9, owner_id=alice.pk
    )
    assert store.find(text, NOW + 6) is None
    row.refresh_from_db()
    assert (row.revoked_at, row.state(NOW + 9)) == (NOW + 5, "revoked")


@pytest.mark.parametrize(
    "text", ["", "holdfast_", "holdfast_" + "x" * 43, "Holdfast_", "holdfast_²", "x" * 10_000]
)
def test_anything_else_opens_nothing(alice: Any, text: str) -> None:
    make(alice)
    assert store.find(text, NOW) is None


def test_its_last_use_is_kept_to_the_minute(alice: Any) -> None:
    row, text = make(alice)
    used = []
    for after in (0, 30_000, 59_999, 60_000, 61_000):
        store.find(text, NOW + after)
        row.refresh_from_db()
        used.append((row.used_at or 0) - NOW)
    assert used == [0, 0, 0, 60_000, 60_000]


def test_of_a_disabled_user_it_says_so(alice: Any) -> None:
    _, text = make(alice)
    alice.is_active = False
    alice.save()
    found = store.find(text, NOW)
    assert found is not None and not found.active


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("read", "everything")}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 10_000}, "days"),
        ({"per_minute": 0}, "per_minute"),
        ({"per_minute": 601}, "per_minute"),
    ],
)
def test_what_cannot_be_had_says_which_field(alice: Any, fields: dict[str, Any], wrong: str) -> None:
    given = {"name": "CI", "scopes": ("read",), "days": 7, "per_minute": 60, **fields}
    with pytest.raises(InvalidToken) as refused:
        store.make(alice.pk, **given, now=NOW)
    assert list(refused.value.fields) == [wrong]
    assert not ApiToken.objects.exists()


def test_nobody_has_more_than_so_many_and_what_has_ended_makes_room(alice: Any, bob: Any) -> None:
    rows = [make(alice)[0] for _ in range(store.MAX_TOKENS)]
    with pytest.raises(InvalidToken, match="already"):
        make(alice)
    make(bob)
    store.revoke(rows[0].pk, NOW, owner_id=alice.pk)
    make(alice)
    make(alice, now=NOW + 7 * DAY_MS)


def test_what_has_ended_long_ago_is_removed(alice: Any) -> None:
    old, _ = make(alice)
    make(alice, now=old.expires_at + store.KEPT_DAYS * DAY_MS + 1)
    assert [row.pk for row in store.owned(alice.pk)] != [] and old not in store.owned(alice.pk)


def test_W11_every_action_needs_one_scope_or_has_no_token() -> None:
    assert set(NEEDED.values()) == set(SCOPES)
    for action in ACTIONS:
        assert covers(SCOPES, action) == (action in NEEDED)
        for scope in SCOPES:
            assert covers({scope}, action) == (NEEDED.get(action) == scope)


class TestLimits:
    def test_W11_a_refusal_says_truly_when_the_next_one_is_free(self, alice: Any) -> None:
        now = 0.0
        limits = TokenLimits(lambda: now)
        token = make(alice)[0].pk
        answers = [limits.take(token, 60) for _ in range(20)]
        assert answers[:15] == [0] * 15 and answers[15:] == [1] * 5
        now = 0.99
        assert limits.take(token, 60) == 1
        now = 1.0
        assert limits.take(token, 60) == 0 and limits.take(token, 60) == 1

    def test_a_slow_token_waits_long_and_tokens_do_not_share(self, alice: Any) -> None:
        limits = TokenLimits(lambda: 0.0)
        one, other = make(alice)[0].pk, make(alice)[0].pk
        assert [limits.take(one, 1) for _ in range(2)] == [0, 60]
        assert limits.take(other, 1) == 0

    def test_so_many_streams_and_no_more(self, alice: Any) -> None:
        limits, token = TokenLimits(), make(alice)[0].pk
        opened = [limits.open(token) for _ in range(MAX_OPEN)]
        for one in opened:
            one.__enter__()
        with pytest.raises(TooManyOpen), limits.open(token):
            pass
        opened[0].__exit__(None, None, None)
        with limits.open(token):
            pass
