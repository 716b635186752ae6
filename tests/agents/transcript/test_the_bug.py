"""The bug this project exists for: after some turns every request fails with HTTP 400.

One set of stories, told to both designs over real HTTP against a provider that keeps its rules. Each has a
disturbance that real conversations have: a turn cut by a disconnect, a note from elsewhere in the middle, an odd
history window; and all have more history than the window holds. The new design's requests are all taken. The
old one's are refused, in the words that users reported, which shows that these tests can fail.
"""

import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from agents import events as e
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.http import close_clients
from agents.dialects.requests import validate
from agents.errors import ModelError, TranscriptRefused
from agents.loop import PartText
from agents.profiles import get
from agents.spec import AgentSpec, RunLimits
from agents.tools import Toolbox, tool
from tests.support.old_design import OldDesign
from tests.support.provider import Json, Provider, Reply, completion
from tests.support.shell import Shell
from tests.support.strict_provider import refusal, strict

PROFILE = get("openai-chat")


@dataclass(frozen=True)
class Turn:
    """One turn of a story: what the user says, and for each round the calls that the model makes."""

    text: str
    rounds: tuple[int, ...] = (1,)
    #: The socket is lost (old design) or the worker dies (new design) before the answer.
    cut: bool = False
    #: A trigger writes into the conversation before this turn.
    note: bool = False
    #: The page is loaded again before this turn.
    reload: bool = False


#: No disturbance at all; the page is loaded again now and then.
CALM = tuple(Turn(f"question {n}", rounds=(1,) * (n % 3), reload=n % 5 == 4) for n in range(40))
CUT = tuple(replace(turn, cut=n in (9, 20, 31)) for n, turn in enumerate(CALM))
NOTED = tuple(replace(turn, note=n in (9, 20, 31)) for n, turn in enumerate(CALM))
PARALLEL = tuple(replace(turn, rounds=(3, 2) if n % 2 else ()) for n, turn in enumerate(CUT))

EVEN, ODD = 20, 21


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


def toolbox() -> Toolbox:
    @tool(effect="read_only")
    async def look_up(word: str) -> str:
        """Look a word up.

        Args:
            word: the word
        """
        return f"{word} means " + "something long " * 12

    return Toolbox([look_up])


class Script:
    """A provider's model that asks for the calls of a story, with ids as a provider may make them."""

    def __init__(self, story: tuple[Turn, ...], ids: str) -> None:
        self.story = {turn.text: turn for turn in story}
        self._ids = ids
        self._numbers = itertools.count()

    def __call__(self, path: str, body: Json) -> Reply:
        messages = body["messages"]
        words = [
            str(message["content"]).rpartition("\n")[2] for message in messages
        ]  # behind a note, if there is one
        asked = max(place for place, text in enumerate(words) if text in self.story)
        turn = self.story[words[asked]]
        done = sum(1 for message in messages[asked:] if message.get("tool_calls"))
        if done == len(turn.rounds):
            return completion(f"The answer to {turn.text}.")
        return completion(calls=[self._call(place) for place in range(turn.rounds[done])])

    def _call(self, place: int) -> Json:
        id = {
            "fresh": f"call_{next(self._numbers)}",
            "repeated": f"look_up:{place}",
            "same": "call_1",
            "empty": "",
        }[self._ids]
        function = {"name": "look_up", "arguments": f'{{"word": "w{place}"}}'}
        return {"index": place, "id": id, "type": "function", "function": function}


@pytest.mark.parametrize(
    ("story", "window", "ids"),
    [
        *((story, window, "fresh") for story in (CALM, CUT, NOTED, PARALLEL) for window in (1_000, 1_501)),
        *((PARALLEL, 1_000, ids) for ids in ("repeated", "same", "empty")),
        (PARALLEL, 60_000, "repeated"),
    ],
    ids=[
        *(f"{name}, {window}" for name in ("calm", "cut", "noted", "parallel") for window in (1_000, 1_501)),
        *(f"parallel, {ids} ids" for ids in ("repeated", "same", "empty")),
        "parallel, all of it",
    ],
)
async def test_every_request_of_the_new_design_is_taken(
    story: tuple[Turn, ...], window: int, ids: str
) -> None:
    agent = AgentSpec(
        "a",
        "A",
        "You help.",
        "m",
        profile="openai-chat",
        tools=("look_up",),
        limits=RunLimits(window_tokens=window),
    )
    shell = Shell()
    async with Provider(strict("openai-chat", Script(story, ids))) as provider:
        model = OpenAIChat(provider.url)
        for turn in story:
            if turn.note:
                shell.note("The disk is nearly full.")
            shell.say(turn.text)
            if turn.cut:
                await shell.work(agent, model, toolbox(), until=dies(turn))
            await shell.work(agent, model, toolbox())
            assert isinstance(shell.last(), e.RunFinished)
    # Nothing was refused, by the provider or by our own gate: every request went out once and was answered.
    assert not [event for event in shell.log if isinstance(event, e.RunRetrying | e.RunFailed)]
    answered = sum(isinstance(event, e.StepFinished) for event in shell.log)
    assert len(provider.requests) >= answered == sum(len(turn.rounds) + 1 for turn in story)
    for body in provider.requests:
        assert validate(body, PROFILE) == []
        assert refusal("openai-chat", body) is None
    assert [step.text for step in shell.steps() if step.text] == [f"The answer to {t.text}." for t in story]
    trimmed = [body for body in provider.requests if "left out here" in str(body["messages"])]
    assert bool(trimmed) == (window < 60_000)


def dies(turn: Turn) -> Any:
    """When the first worker of a turn dies: while a call runs if there is one, else while the answer streams."""

    def moment(one: list[e.Event] | PartText) -> bool:
        if not turn.rounds:
            return isinstance(one, PartText)
        return isinstance(one, list) and isinstance(one[-1], e.CallStarted)

    return moment


async def told_to_the_old_design(story: tuple[Turn, ...], window: int) -> list[ModelError | None]:
    """Each turn's first request, sent to the same strict provider; None: it was taken."""
    outcomes: list[ModelError | None] = []
    old = OldDesign(window)
    async with Provider(strict("openai-chat", lambda path, body: completion("ok"))) as provider:
        for turn in story:
            if turn.note:
                old.note("The disk is nearly full.")
            if turn.reload or not old.connected:
                old.connect()
            old.user(turn.text)
            outcomes.append(await _sent(provider, old.request()))
            for calls in turn.rounds:
                for place in range(calls):
                    old.tool("look_up", f'{{"word": "w{place}"}}', "something")
            if turn.cut:
                old.disconnect()
            old.answer("The answer.")
    return outcomes


async def _sent(provider: Provider, body: Json) -> ModelError | None:
    try:
        async with aclosing(OpenAIChat(provider.url).stream(body)) as deltas:
            async for _ in deltas:
                pass
    except ModelError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("story", "window"),
    [(CALM, ODD), (CUT, EVEN), (NOTED, EVEN), (PARALLEL, EVEN), (CUT, ODD), (NOTED, ODD)],
    ids=[
        "odd window",
        "cut turn",
        "note",
        "parallel calls",
        "cut turn and odd window",
        "note and odd window",
    ],
)
async def test_the_same_story_breaks_the_old_design(story: tuple[Turn, ...], window: int) -> None:
    refused = [outcome for outcome in await told_to_the_old_design(story, window) if outcome is not None]
    assert refused
    for error in refused:
        assert isinstance(error, TranscriptRefused)
        assert (error.status, error.kind) == (400, "E5")
        assert "messages with role 'tool' must be a response to a preceeding message" in error.detail


async def test_the_old_design_holds_when_nothing_disturbs_it_and_the_window_is_even() -> None:
    """It is told faithfully: with an even window and clean turns the cut never lands inside a pair."""
    assert not any(await told_to_the_old_design(CALM, EVEN))


async def test_the_old_design_stays_broken_for_several_turns() -> None:
    """The reported symptom: the conversation fails again and again, and a new one works."""
    outcomes = await told_to_the_old_design(CUT, EVEN)
    longest = max((len(list(run)) for bad, run in itertools.groupby(outcomes, bool) if bad), default=0)
    assert longest >= 2
    assert outcomes[0] is None
