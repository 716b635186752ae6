"""Summaries that stand for older items: only whole ones, only settled ones, for the model only (T2, V17, V18, V19)."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import events as e
from agents.dialects.requests import render, render_text_only, validate
from agents.history import History, Step, Summary, UserMessage, empty, fold
from agents.profiles import all_profiles
from agents.spec import RunLimits
from agents.steps import CallModel, next_step
from agents.transcript.compaction import KEEP, longest, plan, question
from agents.transcript.layout import cost
from agents.transcript.room import ModelSettings
from agents.transcript.tokens import estimate
from chat.session.state import EMPTY, items, merge, reduce
from tests.agents.transcript.fuzz import str_of
from tests.support.histories import flat, tell
from tests.support.strict_provider import refusal
from tests.support.wild import Teller, same_bytes

ASK = ModelSettings("m-1", "You help.", window=2_000_000)


def folded(events: list[e.Event]) -> History:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


def compacted(run: str, upto: int, text: str = "It was about tea.") -> e.HistoryCompacted:
    return e.HistoryCompacted(at=1, run=run, upto=upto, summary=text)


def talk(turns: int, words: int = 200) -> list[e.Event]:
    """A conversation of so many turns, each with a call."""
    told: list[e.Event] = [e.ConversationCreated(at=1, title="", agent="a")]
    for turn in range(turns):
        run, step = f"r{turn}", f"r{turn}.1"
        call = e.ProposedCall(
            call=f"call{turn:05}", ordinal=0, name="look", arguments="{}", effect="read_only"
        )
        result = f"result {turn} " + "fact " * words
        settled = {"step": step, "call": call.call, "attempt": 1, "result": result, "preview": "", "size": 1}
        told += [
            e.MessageAdded(at=1, message=f"m{turn}", text=f"question {turn}"),
            e.RunQueued(at=1, run=run, cause=f"m{turn}"),
            e.RunStarted(at=1, run=run, attempt=1, fence=1, worker="w"),
            e.StepStarted(at=1, run=run, step=step),
            e.StepFinished(at=1, run=run, step=step, text="", calls=(call,)),
            e.CallStarted(at=1, step=step, call=call.call, attempt=1, fence=1, worker="w"),
            e.CallSettled(at=1, status="succeeded", **settled),
            e.StepStarted(at=1, run=run, step=f"r{turn}.2"),
            e.StepFinished(at=1, run=run, step=f"r{turn}.2", text=f"answer {turn}"),
            e.RunFinished(at=1, run=run),
        ]
    return told


def planned(history: History, budget: int) -> Any:
    return plan(history, budget, lambda item: cost(item, budget))


@pytest.mark.parametrize("seed", range(150))
def test_T2_any_history_with_a_summary_at_any_point_gives_valid_requests(seed: int) -> None:
    """Also a summary that no honest worker would write: in the middle of a batch, twice, of nothing, of the future."""
    random = Random(seed)
    teller = Teller(random)
    teller.tell(random.choice((1, 2, 4, 6)))
    events = list(teller.log)
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(events) + 1)
        upto = random.randrange(len(events) + 5)
        events.insert(place, compacted("r0", upto, random.choice(("so far", "", "好" * 50, "\ud83d"))))
    history = folded(events)
    for profile in all_profiles().values():
        for make in (render, render_text_only):
            ask = ModelSettings("m-1", "", (), random.choice((1, 800, 2_000_000)))
            body = make(history, profile, ask)
            assert not validate(body, profile), (profile.name, make.__name__)
            assert refusal(profile.name, body) is None
            assert same_bytes(body) == same_bytes(make(folded(events), profile, ask)), "V18"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(random=st.randoms(use_true_random=False), upto=st.integers(0, 400))
def test_a_summary_never_stands_for_what_is_open_and_people_see_no_change(random: Random, upto: int) -> None:
    events = flat(tell(random, runs=2))
    place = random.randint(1, len(events))
    before = folded(events[:place])
    history = fold(before, compacted("none", upto), place + 1)
    open_before = {call.id for step in before.steps() for call in step.open_calls}
    assert {call.id for step in history.steps() for call in step.open_calls} == open_before
    assert [step.id for step in history.steps() if step.status == "streaming"] == [
        step.id for step in before.steps() if step.status == "streaming"
    ]
    limits = RunLimits()
    assert next_step(history, limits, 10**13) == next_step(before, limits, 10**13), (
        "the run goes on as it would have"
    )
    state: dict[str, Any] = dict(EMPTY)
    for seq, event in enumerate(events[:place], start=1):
        state = merge(state, reduce(state, event, seq))
    shown = items(state)
    assert items(merge(state, reduce(state, compacted("none", upto), place + 1))) == shown


def test_a_history_that_fits_is_left_alone() -> None:
    history = folded(talk(5))
    assert planned(history, 1_000_000) is None and planned(empty("c"), 500) is None


def test_V17_the_cut_is_between_whole_items_and_the_newest_stay() -> None:
    history = folded(talk(40))
    budget = 3_000
    found = planned(history, budget)
    after = fold(history, compacted("r39", found.upto), 10_000)
    kept = [item for item in after.items if not isinstance(item, Summary)]
    assert kept[0] == history.items[0] and isinstance(kept[0], UserMessage), "the first message is pinned"
    assert tuple(kept[1:]) == history.items[-(len(kept) - 1) :], "then the newest, whole"
    assert sum(cost(item, budget) for item in kept[1:]) <= budget * KEEP
    assert all(len(step.calls) in (0, 1) and not step.open_calls for step in after.steps())
    assert planned(after, budget) is None, "once is enough"
    (summary,) = (item for item in after.items if isinstance(item, Summary))
    assert summary.items == found.count == len(history.items) - len(kept)


def test_a_second_summary_stands_for_the_first() -> None:
    history = folded(talk(40))
    first = planned(history, 3_000)
    history = fold(history, compacted("r39", first.upto, "the first summary"), 10_000)
    for seq, event in enumerate(talk(80)[1:], start=10_001):
        history = fold(history, event, seq)
    second = planned(history, 3_000)
    assert any(isinstance(item, Summary) for item in second.material)
    assert "the first summary" in question(second.material, 3_000)
    history = fold(history, compacted("r79", second.upto, "both"), 20_000)
    summaries = [item for item in history.items if isinstance(item, Summary)]
    assert [item.text for item in summaries] == ["both"]
    assert summaries[0].items == second.count > first.count


@pytest.mark.parametrize("budget", [500, 1_000, 5_000, 60_000])
@pytest.mark.parametrize("words", [1, 200, 5_000])
def test_the_question_is_bounded(budget: int, words: int) -> None:
    history = folded(talk(300, words) if words < 5_000 else talk(30, words))
    asked = question(history.items, budget)
    assert estimate(asked) < max(budget, 900)
    assert "question" in asked and asked.endswith("and nothing beside the summary.")
    assert longest(budget) < budget


@pytest.mark.parametrize("window", [500, 2_000, 10_000])
def test_the_summary_and_the_newest_question_outlast_every_trimming(window: int) -> None:
    history = fold(folded(talk(60)), compacted("r59", 300, "It was about tea."), 10_000)
    body = render(history, all_profiles()["openai-chat"], ModelSettings("m", "", (), window))
    said = str_of(body)
    assert "question 0" in said and "It was about tea." in said and "question 59" in said
    assert "question 5 " not in said


def test_a_call_in_flight_leaves_no_place_for_a_summary() -> None:
    """`next_step` asks for the model only when no call is open, and a plan ends before the first open item."""
    told = talk(40)
    cut = next(place for place, event in enumerate(told) if isinstance(event, e.CallSettled) and place > 200)
    history = folded(told[:cut])
    assert not isinstance(next_step(history, RunLimits(), 1), CallModel)
    found = planned(history, 1_500)
    running = next(step for step in history.steps() if step.open_calls)
    assert found is not None and found.upto < running.seq
    everything = fold(history, compacted("r", 10**6), 5_000)
    held = everything.step(running.id)
    assert held is not None and held.open_calls
    late = fold(everything, told[cut], 5_001)
    settled = late.step(running.id)
    assert isinstance(settled, Step) and settled.calls[0].result.startswith("result")


def test_T3_positional_ids_stay_unique_after_a_summary() -> None:
    history = fold(folded(talk(20, 5)), compacted("r19", 150), 10_000)
    body = render(history, all_profiles()["kimi-template"], ASK)
    ids = [call["id"] for message in body["messages"] for call in message.get("tool_calls", ())]
    assert ids and len(ids) == len(set(ids))
