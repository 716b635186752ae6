"""Histories as requests: every profile, every event that breaks transcripts, and the rules V17 to V19."""

import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import events as e
from agents.dialects.opening import account_of
from agents.dialects.requests import render, render_text_only, validate
from agents.history import History, Step, UserMessage, empty, fold
from agents.profiles import all_profiles, get
from agents.providers.base import Profile
from agents.results import NO_OUTPUT
from agents.transcript.layout import BRIDGE, GO_ON
from agents.transcript.room import ModelSettings
from agents.transcript.wording import CUT, NO_WORDS
from tests.agents.transcript.fuzz import check, round_of
from tests.support.broken import BROKEN, EVENTS, A, B, C, call, done, say, step
from tests.support.strict_provider import providers
from tests.support.wild import Teller

CHAT = get("openai-chat")
ALL = ModelSettings("m", "You help.", (), 2_000_000)


@settings(derandomize=True, max_examples=60, deadline=None, print_blob=True)
@given(st.integers(min_value=0, max_value=10**9))
def test_T1_whatever_happened_is_taken_by_every_provider(seed: int) -> None:
    """V1 to V19 for all profiles and both forms: 60 histories, about two thousand requests."""
    assert round_of(seed) == 2 * len(all_profiles())


def test_every_profile_has_a_strict_provider() -> None:
    assert set(all_profiles()) == set(providers())


def told(*events: e.Event) -> History:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


@pytest.mark.parametrize("profile", all_profiles().values(), ids=all_profiles())
@pytest.mark.parametrize("name", [*BROKEN, *EVENTS])
def test_the_broken_transcripts_come_out_valid_and_no_user_text_is_lost(name: str, profile: Profile) -> None:
    events = {**BROKEN, **EVENTS}[name]
    said = [event.text for event in events if isinstance(event, e.MessageAdded)]
    check(told(*events), profile, ALL, said)


def contents(body: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in body["messages"]]


def test_a_conversation_as_it_is_sent() -> None:
    history = told(
        say("m1", "What time is it?"),
        *step("r.1", call(A), call(B, 1), text="Let me see."),
        done("r.1", B, "13:00"),
        done("r.1", A, "12:00"),
        *step("r.2", text="Noon and one."),
        e.NoteAdded(at=1, message="n", text="Disk full.", origin=e.Origin(entrance="trigger", name="df")),
        say("m2", "Thanks"),
    )
    body = render(history, CHAT, ALL)
    assert contents(body) == [
        ("system", "You help."),
        ("user", "What time is it?"),
        ("assistant", "Let me see."),
        ("tool", "12:00"),
        ("tool", "13:00"),
        ("assistant", "Noon and one."),
        ("user", "[Note from trigger df, not written by the user]\nDisk full.\n\nThanks"),
    ]
    assert [one["id"] for one in body["messages"][2]["tool_calls"]] == [A, B]
    assert body["model"] == "m" and "tools" not in body


def test_V18_ids_do_not_depend_on_the_provider_or_on_chance() -> None:
    one = told(say("m1"), *step("r.1", call(A, provider_id="call_9")), done("r.1", A))
    other = told(say("m1"), *step("r.1", call(A, provider_id="")), done("r.1", A))
    assert render(one, CHAT, ALL) == render(other, CHAT, ALL)


def test_V9_results_that_say_nothing_say_so() -> None:
    body = render(told(say("m1"), *step("r.1", call(A)), done("r.1", A, " \n")), CHAT, ALL)
    assert body["messages"][-1]["content"] == NO_OUTPUT


def test_a_cut_answer_is_marked_as_such() -> None:
    body = render(told(*EVENTS["stopped by the user"]), CHAT, ALL)
    assert ("assistant", f"Once\n\n{CUT}") in contents(body)


def test_V8_mistral_gets_a_line_between_a_result_and_a_user() -> None:
    history = told(*BROKEN["2 user between call and result"])
    roles = [role for role, _ in contents(render(history, get("mistral"), ALL))]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert ("assistant", BRIDGE) in contents(render(history, get("mistral"), ALL))


def test_V11_a_request_always_ends_with_something_to_answer() -> None:
    assert contents(render(told(), CHAT, ModelSettings("m"))) == [("user", GO_ON)]


def test_kimi_template_ids_count_through_the_conversation() -> None:
    history = told(
        say("m1"), *step("r.1", call(A), call(B, 1)), done("r.1", A), done("r.1", B),
        *step("r.2", call(C)), done("r.2", C),
    )  # fmt: skip
    messages = render(history, get("kimi-template"), ALL)["messages"]
    ids = [one["id"] for message in messages for one in message.get("tool_calls", ())]
    assert ids == ["functions.clock:0", "functions.clock:1", "functions.clock:2"]


STUB = [
    {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
]
THOUGHT = {"reasoning_content": "Let me think."}
SIGNED = {"calls": {"0": {"extra_content": {"google": {"thought_signature": "c2ln"}}}}}
ITEMS = {
    "items": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "message", "id": "msg_1"},
        {"type": "function_call", "id": "fc_1"},
    ]
}


@pytest.mark.parametrize(
    ("name", "replay", "mark"),
    [
        ("deepseek-thinking", THOUGHT, "Let me think."),
        ("kimi-thinking", THOUGHT, "Let me think."),
        ("gemini", SIGNED, "c2ln"),
        ("openai-responses", ITEMS, "gAAA"),
    ],
)
def test_V14_what_an_issuer_wants_back_goes_to_it_and_to_nobody_else(
    name: str, replay: Any, mark: str
) -> None:
    """A model switch in the middle, in both directions: the stranger's data stays home, its own comes back."""
    issuer = get(name).issuer("m")
    history = told(
        say("m1"), *step("r.1", call(A), text="Look.", issuer=issuer, replay=replay), done("r.1", A)
    )
    assert mark in str(render(history, get(name), ALL))
    assert mark not in str(render(history, get(name), ModelSettings("another-model")))
    for other in all_profiles().values():
        body = render(history, other, ALL)
        assert validate(body, other) == []
        if other.family != get(name).family or (other.name != name and not other.family):
            assert mark not in str(body) or other.name == name


def test_V14_another_account_gets_nothing_back() -> None:
    """What one account encrypted or signed, another cannot read, even for the same model and the same profile."""
    ours, theirs = (
        account_of("https://api.example/v1", "key-1"),
        account_of("https://api.example/v1", "key-2"),
    )
    moved = account_of("https://other.example/v1", "key-1")
    profile = get("openai-responses")
    history = told(
        say("m1"),
        *step("r.1", call(A), text="Look.", issuer=profile.issuer("m", ours), replay=ITEMS),
        done("r.1", A),
    )
    assert "gAAA" in str(render(history, profile, replace(ALL, account=ours)))
    for account in (theirs, moved, ""):
        assert "gAAA" not in str(render(history, profile, replace(ALL, account=account)))


def test_V14_an_account_tells_neither_address_nor_key() -> None:
    account = account_of("https://api.example/v1", "sk-secret")
    assert re.fullmatch("[0-9a-f]{12}", account)
    assert account == account_of("https://API.example/v1/", "sk-secret")


def test_V9_nothing_is_null_beside_calls() -> None:
    """xAI refuses null, templates print it as the word None; Gemini and Anthropic refuse an empty text."""
    history = told(say("m1"), *step("r.1", call(A)), done("r.1", A))
    for profile in (one for one in all_profiles().values() if one.dialect == "chat"):
        (beside,) = (m["content"] for m in render(history, profile, ALL)["messages"] if m.get("tool_calls"))
        assert beside == (NO_WORDS if profile.text_beside_calls else "")


def test_V6_an_id_is_never_longer_than_64() -> None:
    name = "n" * 64
    long = [say("m1"), *step("r.1", call(A)), done("r.1", A)]
    finished = long[2]
    assert isinstance(finished, e.StepFinished)
    long[2] = finished.model_copy(
        update={"calls": tuple(one.model_copy(update={"name": name}) for one in finished.calls)}
    )
    for profile in (one for one in all_profiles().values() if one.dialect == "chat"):
        messages = render(told(*long), profile, ALL)["messages"]
        assert all(len(one["id"]) <= 64 for message in messages for one in message.get("tool_calls", ()))
        assert validate({"model": "m", "messages": messages, "tools": STUB}, profile) == []


def test_V13_the_responses_dialect_replays_items_in_their_order_and_with_their_ids() -> None:
    profile = get("openai-responses")
    events = [
        say("m1"),
        *step("r.1", call(A), text="Look.", issuer=profile.issuer("m"), replay=ITEMS),
        done("r.1", A),
    ]
    body = render(told(*events), profile, ALL)
    assert [(item.get("type"), item.get("id")) for item in body["input"]] == [
        ("message", None), ("reasoning", "rs_1"), ("message", "msg_1"), ("function_call", "fc_1"),
        ("function_call_output", None),
    ]  # fmt: skip
    assert body["instructions"] == "You help." and body["store"] is False


def test_V3_items_with_words_after_a_call_are_not_replayed() -> None:
    """Found by the fuzzer, seed 1215: a message between a call and its output."""
    profile = get("openai-responses")
    replay = {"items": [ITEMS["items"][0], ITEMS["items"][2], ITEMS["items"][1]]}
    events = [
        say("m1"),
        *step("r.1", call(A), text="Look.", issuer=profile.issuer("m"), replay=replay),
        done("r.1", A),
    ]
    body = render(told(*events), profile, ALL)
    assert validate(body, profile) == []
    assert [item.get("role") or item["type"] for item in body["input"]] == [
        "user", "assistant", "function_call", "function_call_output",
    ]  # fmt: skip


def test_V15_every_item_of_a_responses_request_says_what_it_is() -> None:
    """What one server defaults another demands: llama.cpp "cannot determine type of 'item'" without it."""
    profile = get("openai-responses")
    for seed in range(60):
        history = Teller(Random(seed)).tell(4)
        for make in (render, render_text_only):
            items = make(history, profile, ALL)["input"]
            assert [item for item in items if not item.get("type")] == []


def test_T2_text_only_says_the_same_without_tool_messages() -> None:
    body = render_text_only(told(*EVENTS["message while tools run"]), CHAT, ALL)
    assert {message["role"] for message in body["messages"]} == {"system", "user", "assistant"}
    assert "12:00" in str(body) and "clock" in str(body)


# Windows


def long_history(turns: int) -> History:
    events: list[e.Event] = []
    for turn in range(turns):
        events += [say(f"m{turn}", f"question {turn} " + "x" * 200)]
        one, two = f"{turn:04d}aaaaa", f"{turn:04d}bbbbb"
        events += step(f"r{turn}.1", call(one), call(two, 1))
        events += [done(f"r{turn}.1", two, "y" * 300), done(f"r{turn}.1", one, "z" * 300)]
        events += step(f"r{turn}.2", text=f"answer {turn}")
    return told(*events, say("last", "the last question"))


LONG = long_history(60)


@pytest.mark.parametrize("window", range(600, 9_000, 97))
def test_V17_a_window_is_cut_between_blocks_and_keeps_what_matters(window: int) -> None:
    body = render(LONG, CHAT, ModelSettings("m", "You help.", (), window))
    assert validate(body, CHAT) == []
    texts = [content for _, content in contents(body)]
    assert texts[0] == "You help."
    assert str(texts[1]).startswith("question 0 ")
    assert texts[-1] == "the last question"
    assert "left out here" in str(texts[1])
    blocks = [m for m in body["messages"] if m.get("tool_calls")]
    results = [m for m in body["messages"] if m["role"] == "tool"]
    assert len(results) == 2 * len(blocks)
    size = sum(len(str(text)) for text in texts) / 3.5
    assert size < max(window, 1_100) * 1.25


def test_the_cut_stands_still_while_a_conversation_grows() -> None:
    """Or a provider's prompt cache would be useless: most requests begin exactly like the one before."""
    before: list[Any] = []
    same = 0
    for turns in range(20, 60):
        messages = render(long_history(turns), CHAT, ModelSettings("m", "", (), 4_000))["messages"]
        same += messages[: len(before) - 1] == before[:-1]
        before = messages
    assert same > 25, f"only {same} of 39 requests began like the one before"


def test_the_question_that_is_answered_is_kept_however_long_the_run() -> None:
    events: list[e.Event] = [say("m1", "first"), *step("q.1", text="yes"), say("m2", "the question")]
    for index in range(1, 30):
        events += [*step(f"r.{index}", call(f"{index:09d}")), done(f"r.{index}", f"{index:09d}", "w" * 2_000)]
    body = render(told(*events), CHAT, ModelSettings("m", "", (), 3_000))
    texts = [content for _, content in contents(body)]
    assert str(texts[0]).startswith("first\n\nthe question\n\n")
    assert validate(body, CHAT) == []


@pytest.mark.parametrize("window", [900, 1_500, 3_000, 60_000])
def test_a_summary_stands_for_what_it_replaced_and_is_not_trimmed(window: int) -> None:
    summary = e.HistoryCompacted(
        at=1, run="r1", upto=LONG.items[40].seq, summary="They asked a lot.", items=39
    )
    history = fold(LONG, summary, LONG.items[-1].seq + 1)
    for profile in all_profiles().values():
        body = render(history, profile, ModelSettings("m", "", (), window))
        assert validate(body, profile) == []
        assert "They asked a lot." in str(body) and "the last question" in str(body)
    texts = [
        str(content) for _, content in contents(render(history, CHAT, ModelSettings("m", "", (), window)))
    ]
    assert texts[0].startswith("question 0 ") and "\n\n[Summary of " in texts[0]
    assert not any(text.startswith("question 5 ") for text in texts)


def test_a_large_result_is_shortened_with_a_marker() -> None:
    history = told(say("m1"), *step("r.1", call(A)), done("r.1", A, "a" * 50_000 + "the end"))
    text = render(history, CHAT, ModelSettings("m", "", (), 4_000))["messages"][-1]["content"]
    assert len(text) < 5_000
    assert text.startswith("aaa") and text.endswith("the end") and "characters are left out here" in text


@pytest.mark.parametrize("turns", [100, 2_000])
def test_building_a_request_does_not_grow_with_the_history(turns: int) -> None:
    """Work, not time: how many items are looked at. (The bench measures the time.)"""
    items = tuple(
        UserMessage(f"m{n}", n + 1, "hello " * 20)
        if n % 3 == 0
        else Step(f"r{n}.1", n + 1, f"r{n}", "finished", text="hi")
        for n in range(turns)
    )
    looked_at: list[Any] = []

    class Watched(tuple[Any, ...]):
        def __getitem__(self, place: Any) -> Any:
            looked_at.append(place)
            return super().__getitem__(place)

    render(History("c", Watched(items)), CHAT, ModelSettings("m", "", (), 2_000))
    assert len(looked_at) < 400


def test_the_told_histories_are_not_tame() -> None:
    """Or the property above would prove nothing: between them they hold every kind of trouble."""
    trouble = {"open": 0, "streaming": 0, "stopped": 0, "malformed": 0, "replay": 0, "same id": 0}
    trouble |= {"undecided": 0, "approved": 0, "refused": 0}
    for seed in range(60):
        seen: set[str] = set()
        for held in Teller(Random(seed)).tell(6).steps():
            trouble["open"] += bool(held.open_calls)
            trouble["streaming"] += held.status == "streaming"
            trouble["stopped"] += held.status == "stopped"
            trouble["replay"] += held.replay is not None
            for one in held.calls:
                trouble["malformed"] += one.arguments in ('{"x":', "[1]", "", "null")
                trouble["same id"] += one.id in seen
                trouble["undecided"] += one.status == "awaiting_approval"
                if one.approval is not None and one.approval.decision is not None:
                    trouble[one.approval.decision] += 1
                seen.add(one.id)
    assert min(trouble.values()) > 10, trouble
