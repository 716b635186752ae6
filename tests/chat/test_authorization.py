"""The table of who may do what: each role, at each door, each action, under each combination of needs (rule W11)."""

from __future__ import annotations

import itertools

import pytest

from chat import authorization as a
from chat.authorization import (
    ChatPerson,
    ChatPlace,
    Rule,
    by_token,
    decide,
    in_admin,
    in_chat,
    logged_in,
    role_in_chat,
)
from scripts import authorization_docs

#: Written down a second time, on purpose: who may do what at which door, and what must hold besides.
EXPECTED = """
owner       web         read begin write rewrite stop refuse allow settle rename delete
owner       web         look change remember set_up listen keep fire see_secret hold_tokens
owner       admin       keep fire see_secret end_for
owner       private     read begin write stop refuse allow settle look change remember set_up listen      : policy
linked      private     read begin write stop refuse allow settle look change remember                    : policy
linked      group       read begin write stop refuse allow settle look change remember                    : policy
linked      private     set_up   : policy trust
linked      group       set_up   : policy trust
stranger    private     read begin write stop refuse look                                                 : policy
stranger    group       read begin write stop refuse look                                                 : policy
stranger    private     allow settle change remember set_up                                               : policy trust
stranger    group       allow settle change remember set_up                                               : policy trust
automation  automation  begin write look change remember set_up listen
sender      webhook     fire
owner       api         read begin write stop refuse allow settle rename delete                            : scope
owner       api         look change remember set_up listen
owner       web         change_agent
owner       api         change_agent                                                                       : scope
owner       private     change_agent                                                                       : policy
staff       admin       read export stop settle refuse allow offer give_up rebuild erase : permission
staff       admin       import replay                                               : permission
staff       admin       act_for end_for see_secret                                  : permission
"""


def expected() -> dict[tuple[str, str, str], frozenset[str]]:
    found: dict[tuple[str, str, str], frozenset[str]] = {}
    for line in EXPECTED.strip().splitlines():
        told, _, needs = line.partition(":")
        role, door, *actions = told.split()
        for action in actions:
            assert (role, door, action) not in found
            found[role, door, action] = frozenset(needs.split())
    return found


MAY = expected()
CELLS = list(itertools.product(a.ROLES, a.DOORS, a.ACTIONS))
GIVEN = [frozenset(c) for n in range(len(a.NEEDS) + 1) for c in itertools.combinations(a.NEEDS, n)]


@pytest.mark.parametrize("role", a.ROLES)
def test_W11_every_role_at_every_door_with_every_action(role: a.Role) -> None:
    for door, action, met in itertools.product(a.DOORS, a.ACTIONS, GIVEN):
        needs = MAY.get((role, door, action))
        verdict = decide(role, door, action, met)
        assert bool(verdict) == (needs is not None and needs <= met), (role, door, action, met)
        assert verdict.allowed == (verdict.reason == "")
        if role == "disabled":
            assert verdict.reason == "disabled"
        elif needs is None:
            assert verdict.reason in ("not_theirs", "not_here")
        elif not verdict:
            assert verdict.reason in needs - met


def test_the_whole_product_was_asked() -> None:
    assert len(CELLS) * len(GIVEN) == 8 * 7 * 29 * 16
    assert set(MAY) == set(a.TABLE)


def test_more_is_never_less() -> None:
    """Nobody loses by a need that is met."""
    for (role, door, action), met in itertools.product(CELLS, GIVEN):
        if decide(role, door, action, met):
            assert all(decide(role, door, action, met | {need}) for need in a.NEEDS)


def test_a_stranger_has_nothing_that_a_linked_person_has_not_and_nobody_in_a_chat_more_than_its_owner() -> (
    None
):
    for door, action, met in itertools.product(("private", "group"), a.ACTIONS, GIVEN):
        if decide("stranger", door, action, met):  # type: ignore[arg-type]
            assert decide("linked", door, action, met)  # type: ignore[arg-type]
        if decide("linked", door, action, met):  # type: ignore[arg-type]
            assert decide("owner", "web", action)


def test_the_table_is_closed_when_it_is_read() -> None:
    with pytest.raises(ValueError, match="Two rules"):
        a._closed((*a.RULES, Rule(("owner",), ("web",), ("read",))))
    with pytest.raises(ValueError, match="Nobody may do any of these: .*see_secret"):
        a._closed(a.RULES[:2])
    with pytest.raises(ValueError, match="disabled"):
        a._closed((*a.RULES, Rule(("disabled",), ("web",), ("read",))))


BOT, ALICE, BOB = 1, 2, 3
GROUP, PRIVATE = ChatPlace("group", shared=True), ChatPlace("private", shared=True)
OWN = ChatPlace("private", shared=False)


@pytest.mark.parametrize(
    ("person", "place", "owner", "role"),
    [
        (ChatPerson(), GROUP, BOT, "stranger"),
        (ChatPerson(ALICE), GROUP, BOT, "linked"),
        (ChatPerson(BOT), GROUP, BOT, "linked"),  # the account's own user has no more than others in a group
        (ChatPerson(BOT), PRIVATE, BOT, "owner"),
        (ChatPerson(ALICE), PRIVATE, BOT, "linked"),  # was linked after the chat had begun
        (ChatPerson(ALICE), OWN, ALICE, "owner"),
        (ChatPerson(), OWN, ALICE, "user"),  # was linked to Alice once
        (ChatPerson(BOB), OWN, ALICE, "user"),
        (ChatPerson(ALICE, active=False), OWN, ALICE, "disabled"),
        (ChatPerson(ALICE, active=False), GROUP, BOT, "disabled"),
    ],
)
def test_what_somebody_in_a_chat_is_to_its_conversation(
    person: ChatPerson, place: ChatPlace, owner: int, role: str
) -> None:
    assert role_in_chat(person, place, owner) == role


def test_the_accounts_being_disabled_closes_no_chat_of_it_and_a_users_closes_theirs() -> None:
    assert role_in_chat(ChatPerson(), GROUP, BOT, owner_active=False) == "stranger"
    assert role_in_chat(ChatPerson(), OWN, ALICE, owner_active=False) == "disabled"


@pytest.mark.parametrize(
    ("policy", "stranger", "linked"),
    [("everyone", True, True), ("linked", False, True), ("nobody", False, False), ("?", False, False)],
)
def test_whom_a_policy_lets_in(policy: str, stranger: bool, linked: bool) -> None:
    for action in ("write", "stop", "refuse"):
        assert bool(in_chat(ChatPerson(), GROUP, BOT, policy).may(action)) == stranger  # type: ignore[arg-type]
        assert bool(in_chat(ChatPerson(ALICE), GROUP, BOT, policy).may(action)) == linked  # type: ignore[arg-type]
    trusting = ChatPlace("group", shared=True, trusting=True)
    assert not in_chat(ChatPerson(), GROUP, BOT, policy).may("allow")
    assert bool(in_chat(ChatPerson(), trusting, BOT, policy).may("allow")) == stranger


def test_a_user_is_the_owner_of_what_is_theirs_and_anybody_of_the_rest() -> None:
    assert logged_in(ALICE, ALICE, active=True).may("write")
    assert logged_in(ALICE, BOB, active=True).may("read").reason == "not_theirs"
    assert logged_in(ALICE, ALICE, active=False).may("write").reason == "disabled"
    assert logged_in(ALICE, ALICE, active=True, attended=False).may("write")
    assert not logged_in(ALICE, ALICE, active=True, attended=False).may("allow")


def test_staff_need_the_permission_but_for_what_is_their_own() -> None:
    assert in_admin(ALICE, BOB, permitted=True).may("act_for")
    assert in_admin(ALICE, BOB, permitted=False).may("act_for").reason == "permission"
    assert in_admin(ALICE, ALICE, permitted=False).may("keep")
    assert not in_admin(ALICE, BOB, permitted=True, active=False).may("stop")


def test_the_page_says_what_the_table_says() -> None:
    page = authorization_docs.PAGE.read_text(encoding="utf-8")
    assert authorization_docs.written(page) == page, "run `make authority`"
    rows = [line for line in authorization_docs.generated().splitlines() if line.startswith("| ")]
    told = sum(line.count(" yes ") + any(need in line for need in a.NEEDS) for line in rows)
    assert told > 40


def test_a_token_is_its_owners_for_what_it_was_made_for() -> None:
    assert by_token(ALICE, ALICE, scope=True).may("allow")
    assert by_token(ALICE, ALICE, scope=False).may("read").reason == "scope"
    assert by_token(ALICE, BOB, scope=True).may("read").reason == "not_theirs"
    assert by_token(ALICE, ALICE, scope=True, active=False).may("read").reason == "disabled"
    assert not by_token(ALICE, ALICE, scope=True).may("keep")
    assert logged_in(ALICE, ALICE, active=True, door="api").may("change")
