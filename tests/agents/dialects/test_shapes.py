"""Every shape of stream in docs/streams.md, through real HTTP and the loop: what runs, what stays, what is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents import events as e
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.dialects.responses.stream import OpenAIResponses
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from tests.support.provider import Json, Provider, Reply, completion
from tests.support.shapes import SHAPES, Shape, frame, message, over, table
from tests.support.shell import Shell

PROFILES = {"chat": "openai-chat", "responses": "openai-responses"}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


class Told:
    """What became of one message: the shell with its log, what the tool ran with, how often the server was asked."""

    def __init__(self) -> None:
        self.shell = Shell()
        self.ran: list[str] = []
        self.asked = 0

    def toolbox(self) -> Toolbox:
        @tool(effect="effectful")
        async def write(word: str = "") -> str:
            """Write a word.

            Args:
                word: the word
            """
            self.ran.append(word)
            return "ok"

        return Toolbox([write])

    async def by(self, shape: Shape) -> "Told":
        """Ask a server that answers with this shape until it is given a result, and then that it is done."""

        def answer(path: str, body: Json) -> Reply:
            items = body.get("messages") or body.get("input") or []
            if any(item.get("role") == "tool" or "output" in item for item in items):
                done = Reply(pieces=[over(message("Done."))])
                return completion("Done.") if shape.dialect == "chat" else done
            self.asked += 1
            return shape.reply()

        async with Provider(answer) as provider:
            agent = AgentSpec(
                "a",
                "A",
                "You help.",
                "m",
                base_url=provider.url,
                profile=PROFILES[shape.dialect],
                tools=("write",),
            )
            model = OpenAIChat(provider.url) if shape.dialect == "chat" else OpenAIResponses(provider.url)
            self.shell.say("Hello")
            await self.shell.work(agent, model, self.toolbox())
        return self


@pytest.mark.parametrize("name", SHAPES)
async def test_R14_shape(name: str) -> None:
    shape = SHAPES[name]
    told = await Told().by(shape)
    shell, end = told.shell, told.shell.last()
    steps = [event for event in shell.log if isinstance(event, e.StepFinished)]
    assert sorted(told.ran) == sorted(shape.ran)
    assert told.asked == shape.requests
    if shape.code is not None:
        assert isinstance(end, e.RunFailed)
        assert end.code == shape.code and shape.detail in end.detail
    else:
        assert isinstance(end, e.RunFinished) and end.limit is None
        assert steps[-1].text == ("Done." if shape.ran or shape.refused else shape.text)
    first = steps[0] if steps else None
    assert (first.text if first else "") == shape.text
    assert (first.incomplete if first else None) == shape.incomplete
    if shape.incomplete == "thinking_only":
        assert first is not None and first.reasoning == "Hello there"
    calls = shell.calls()
    assert len(calls) == len(shape.ran) + shape.refused
    assert sum(call.problem is not None for call in calls) == shape.refused
    if shape.requests == 1 and first is not None:
        assert "".join(part.text for part in shell.parts if part.message == first.step) == shape.text


async def test_C14_increments_are_asked_of_DashScope_and_of_nobody_else() -> None:
    for profile, asked in (("qwen", True), ("openai-chat", None)):
        async with Provider(lambda path, body: completion("Hello")) as provider:
            agent = AgentSpec("a", "A", "You help.", "m", base_url=provider.url, profile=profile)
            shell = Shell()
            shell.say("Hello")
            await shell.work(agent, open_model(agent, "k"), Toolbox([]))
        assert provider.requests[0].get("incremental_output") is asked


async def test_C15_beside_calls_a_request_says_something_and_never_null() -> None:
    name = "C9 no finish reason, but `[DONE]` and a complete call"
    requests: list[Json] = []

    def answer(path: str, body: Json) -> Reply:
        requests.append(body)
        return completion("Done.") if len(requests) > 1 else SHAPES[name].reply()

    told = Told()
    async with Provider(answer) as provider:
        for profile in ("openai-chat", "vllm", "ollama", "llama.cpp", "compatible"):
            requests.clear()
            agent = AgentSpec(
                "a", "A", "You help.", "m", base_url=provider.url, profile=profile, tools=("write",)
            )
            shell = Shell()
            shell.say("Hello")
            await shell.work(agent, OpenAIChat(provider.url), told.toolbox())
            [asking] = [one for one in requests[-1]["messages"] if "tool_calls" in one]
            assert isinstance(asking["content"], str) and asking["content"]


async def test_R14_an_answer_that_was_cut_once_is_asked_for_again_and_stands_whole() -> None:
    replies = [SHAPES["C8 a clean end in the middle, each time"].reply(), completion("All of it.")]
    shell = Shell()
    async with Provider(lambda path, body: replies.pop(0)) as provider:
        agent = AgentSpec("a", "A", "You help.", "m", base_url=provider.url, profile="openai-chat")
        shell.say("Hello")
        await shell.work(agent, OpenAIChat(provider.url), Toolbox([]))
    assert [(step.text, step.status) for step in shell.steps()] == [("All of it.", "finished")]
    [retrying] = [event for event in shell.log if isinstance(event, e.RunRetrying)]
    assert "ended in the middle" in retrying.detail


async def test_R14_after_other_trouble_a_cut_answer_is_still_asked_for_once_more() -> None:
    half = SHAPES["C8 a clean end in the middle, each time"].reply
    replies = [Reply(pieces=[frame({"error": "overloaded"})]), half(), half()]
    shell = Shell()
    async with Provider(lambda path, body: replies.pop(0)) as provider:
        agent = AgentSpec("a", "A", "You help.", "m", base_url=provider.url, profile="openai-chat")
        shell.say("Hello")
        await shell.work(agent, OpenAIChat(provider.url), Toolbox([]))
    assert not replies
    assert isinstance(shell.last(), e.RunFinished)


def test_the_table_in_the_docs_is_that_of_the_tests() -> None:
    text = (Path(__file__).parents[3] / "docs/streams.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith(("| C", "| R"))]
    assert lines == table()
