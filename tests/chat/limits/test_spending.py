"""For whom a run counts: the same for the command that is asked about and for the run that is written."""

from agents import events as e
from chat.limits.spending import Spender, spender, spender_of

OWNER = 7


def said(message: str, **origin: str) -> e.MessageAdded:
    return e.MessageAdded(at=1, message=message, text="hello", origin=e.Origin(**origin))


def test_a_run_is_for_whoever_said_what_it_answers() -> None:
    assert spender(OWNER, "web") == Spender("user:7", "web")
    assert spender_of("m", [said("m", entrance="api")], [], OWNER, "web") == Spender("user:7", "api")
    chat = said("m", entrance="feishu", actor="guest:1")
    assert spender_of("m", [chat], [], OWNER, "feishu") == spender(OWNER, "feishu", "guest:1")


def test_a_message_that_waited_is_found_among_what_is_shown() -> None:
    item = {"kind": "message", "id": "m", "origin": {"entrance": "feishu", "actor": "user:9"}}
    other = {"kind": "message", "id": "n", "origin": {"entrance": "web"}}
    assert spender_of("m", [], [other, item], OWNER, "web") == Spender("user:9", "feishu")
    assert spender_of("gone", [], [other, item], OWNER, "feishu") == Spender("user:7", "feishu")


def test_another_answer_is_for_the_owner_whoever_had_asked() -> None:
    item = {"kind": "message", "id": "m", "origin": {"entrance": "trigger"}}
    events = [e.BranchOpened(at=1, branch="b", before=3), e.RunQueued(at=1, run="r", cause="m")]
    assert spender_of("m", events, [item], OWNER, "trigger") == Spender("user:7", "web")


def test_a_key_fits_its_column() -> None:
    assert len(spender(OWNER, "web", "x" * 500).person) == 60
