"""What becomes of a call: results, failures, limits. What a tool or a model does wrong never raises."""

import asyncio
import logging
import threading
import time
from enum import StrEnum
from typing import Literal

import pytest
from pydantic import BaseModel

from agents.extensions import toolbox
from agents.tools import Probed, Toolbox, ToolContext, ToolError, ToolResult, tool
from tests.support.waiting import eventually

SECRET = "sk-very-secret"


class Mood(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Point(BaseModel):
    x: int
    y: int = 0


@tool(effect="read_only")
def describe(
    what: str,
    times: int = 1,
    kind: Literal["short", "long"] = "short",
    tags: list[str] | None = None,
    at: Point | None = None,
    mood: Mood = Mood.GOOD,
) -> dict[str, object]:
    """Describe something.

    Args:
        what: The thing.
        times: How often.
    """
    return {"what": what * times, "kind": kind, "tags": tags, "x": at.x if at else None, "mood": mood}


@tool
async def echo(text: str, context: ToolContext) -> str:
    """Say it again."""
    return f"{text} for {context.owner}, key {context.key}"


def context(**fields: object) -> ToolContext:
    told = {"call": "abcdefghi", "key": "key-1", "conversation": "c", "owner": "7", **fields}
    return ToolContext(**told)  # type: ignore[arg-type]


async def run(one, arguments: str = "{}", **fields: object) -> ToolResult:
    return await Toolbox([one]).run(one.name, arguments, context(**fields))


# ---- results ---------------------------------------------------------------------------------------------


async def test_a_string_is_the_result_as_it_is():
    result = await run(echo, '{"text": "hi"}')
    assert result == ToolResult("hi for 7, key key-1", "hi for 7, key key-1", 19, ok=True, code=None)


async def test_anything_else_is_written_as_json_and_nested_models_are_parsed():
    result = await run(describe, '{"what": "a", "times": 2, "at": {"x": 5}, "tags": ["t"], "mood": "bad"}')
    assert result.text == '{"what":"aa","kind":"short","tags":["t"],"x":5,"mood":"bad"}'


async def test_no_result_is_said_in_a_word_and_no_arguments_may_be_an_empty_text():
    @tool
    def quiet() -> None:
        """Do nothing."""

    assert (await run(quiet, "")).text == "Done."


async def test_what_cannot_be_stored_is_replaced():
    @tool
    def dirty() -> str:
        """Return NUL and half a surrogate pair."""
        return "a\0b\ud800c"

    assert (await run(dirty)).text == "a\ufffdb?c"


async def test_R8_a_result_is_cut_at_the_limit_with_a_mark_that_says_how_much():
    @tool
    def long() -> str:
        """Return much."""
        return "x" * 50_000

    result = await run(long, result_chars=1_000)
    assert len(result.text) <= 1_000
    assert result.text.endswith("of 50,000 characters are not shown]")
    shown = result.text.count("x")
    assert f"{50_000 - shown:,} of" in result.text
    assert len(result.preview) <= 2_000
    assert result.size == 50_000


async def test_a_result_that_is_no_json_is_a_failure():
    @tool
    def odd() -> object:
        """Return what cannot be written."""
        return threading.Lock()

    result = await run(odd)
    assert (result.ok, result.code) == (False, "tool_error")


# ---- failures --------------------------------------------------------------------------------------------


async def test_an_expected_failure_is_told_to_the_model():
    @tool
    def refuse() -> str:
        """Fail on purpose."""
        raise ToolError("No such file: a.txt. Try b.txt.")

    assert await run(refuse) == ToolResult(
        "No such file: a.txt. Try b.txt.", "No such file: a.txt. Try b.txt.", 31, ok=False, code="tool_error"
    )


async def test_an_unexpected_failure_keeps_its_message_for_the_log(caplog: pytest.LogCaptureFixture):
    @tool
    async def broken() -> str:
        """Fail with a secret."""
        raise ValueError(SECRET)

    with caplog.at_level(logging.WARNING):
        result = await run(broken)
    assert result.text == "broken failed with an unexpected error (ValueError)."
    assert result.code == "tool_error"
    assert "broken" in caplog.text


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()]
)
@pytest.mark.parametrize("threaded", [True, False])
async def test_no_exception_of_a_tool_ends_the_process_or_the_loop(error: BaseException, threaded: bool):
    @tool
    def plain() -> str:
        """Raise."""
        raise error

    @tool
    async def awaited() -> str:
        """Raise."""
        raise error

    result = await run(plain if threaded else awaited)
    assert (result.ok, result.code) == (False, "tool_error")


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        ('{"what": ', "malformed_arguments", "Invalid JSON"),
        ("[1]", "invalid_arguments", "object"),
        ("{}", "invalid_arguments", "what: is missing"),
        ('{"what": "a", "colour": 1}', "invalid_arguments", "colour: there is no such argument"),
        ('{"what": "a", "times": "3"}', "invalid_arguments", "times: Input should be a valid integer"),
        ('{"what": "a", "kind": "wide"}', "invalid_arguments", "kind: Input should be 'short' or 'long'"),
        ('{"what": "a", "at": {"y": 1}}', "invalid_arguments", "at.x: is missing"),
    ],
)
async def test_bad_arguments_are_explained_so_that_the_model_can_do_better(
    arguments: str, code: str, hint: str
):
    result = await run(describe, arguments)
    assert (result.ok, result.code) == (False, code)
    assert hint in result.text
    assert "what (string, required)" in result.text


async def test_bad_arguments_are_not_repeated():
    result = await run(describe, f'{{"what": 5, "{SECRET}": "x", "times": "{SECRET}"}}')
    assert result.text.count(SECRET) == 1  # the name of the unknown argument, never a value


async def test_an_unknown_tool_is_answered_with_the_known_ones():
    result = await Toolbox([echo]).run("ehco", "{}", context())
    assert (result.code, result.ok) == ("unknown_tool", False)
    assert "The tools are: echo." in result.text


# ---- time ------------------------------------------------------------------------------------------------


async def test_a_tool_that_takes_too_long_is_ended():
    ended = asyncio.Event()

    @tool(timeout=0.05)
    async def slow() -> None:
        """Sleep."""
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    result = await run(slow)
    assert (result.code, result.ok) == ("timeout", False)
    assert "longer than 0.05 seconds" in result.text
    assert ended.is_set()


async def test_a_timeout_of_the_tools_own_making_is_not_ours():
    @tool
    async def inner() -> None:
        """Time out inside."""
        raise TimeoutError

    assert (await run(inner)).code == "tool_error"


async def test_a_plain_function_does_not_block_the_others_and_is_abandoned_when_it_is_late():
    release = threading.Event()

    @tool(timeout=0.1)
    def stuck() -> None:
        """Hang."""
        release.wait(30)

    try:
        started = time.monotonic()
        results = await asyncio.gather(*(run(stuck) for _ in range(50)))
        assert {result.code for result in results} == {"timeout"}
        assert time.monotonic() - started < 5
    finally:
        release.set()
    names = {"tool-stuck"}
    await eventually(lambda: not names & {t.name for t in threading.enumerate()}, 5, "the threads to end")


async def test_R7_cancelling_the_call_cancels_the_tool():
    started, ended = asyncio.Event(), asyncio.Event()

    @tool
    async def endless() -> None:
        """Sleep."""
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    call = asyncio.create_task(run(endless))
    await asyncio.wait_for(started.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_R7_a_tool_that_ignores_its_cancellation_does_not_hold_up_a_stop(
    caplog: pytest.LogCaptureFixture,
):
    started, release = asyncio.Event(), asyncio.Event()

    @tool
    async def stubborn() -> None:
        """Refuse to end."""
        started.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                pass

    call = asyncio.create_task(run(stubborn))
    await asyncio.wait_for(started.wait(), 5)
    moment = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - moment < 5
    assert "abandoned" in caplog.text
    release.set()


# ---- progress --------------------------------------------------------------------------------------------


async def test_progress_is_passed_on_within_bounds_and_not_after_the_end():
    told: list[tuple[float | None, str]] = []
    kept: list[ToolContext] = []

    async def listen(fraction: float | None, note: str = "") -> None:
        told.append((fraction, note))

    @tool
    async def work(context: ToolContext) -> str:
        """Tell progress."""
        kept.append(context)
        await context.progress(-1, "start")
        await context.progress(float("nan"), "n" * 900)
        await context.progress(7)
        return "ok"

    assert (await run(work, progress=listen)).ok
    assert told == [(0.0, "start"), (None, "n" * 200), (1.0, "")]
    await kept[0].progress(0.5, "a ghost")
    assert len(told) == 3


async def test_R2_progress_that_cannot_be_stored_is_the_workers_trouble_not_the_tools():
    class Fenced(Exception):
        pass

    async def lost(fraction: float | None, note: str = "") -> None:
        raise Fenced

    @tool
    async def work(context: ToolContext) -> str:
        """Swallow everything."""
        try:
            await context.progress(0.5)
        except Exception:
            pass
        return "ok"

    with pytest.raises(Fenced):
        await run(work, progress=lost)


# ---- probes ----------------------------------------------------------------------------------------------


async def test_R4_a_tool_can_be_asked_what_happened_and_not_knowing_is_an_answer():
    async def look(context: ToolContext, text: str) -> Probed:
        if text == "broken":
            raise RuntimeError("no connection")
        return Probed("happened", f"sent {text} as {context.key}")

    @tool(probe=look)
    def send(text: str) -> str:
        """Send it."""
        return "sent"

    box = Toolbox([send, echo])
    assert await box.probe("send", '{"text": "a"}', context()) == Probed("happened", "sent a as key-1")
    assert await box.probe("send", '{"text": "broken"}', context()) == Probed("unknown")
    assert await box.probe("echo", '{"text": "a"}', context()) == Probed("unknown")
    assert await box.probe("gone", "{}", context()) == Probed("unknown")


# ---- the box ---------------------------------------------------------------------------------------------


def test_the_effect_is_effectful_unless_it_is_declared():
    box = Toolbox([describe, echo])
    assert (box.effect("describe"), box.effect("echo"), box.effect("gone")) == (
        "read_only",
        "effectful",
        "effectful",
    )


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tools are named 'echo'"):
        Toolbox([echo, echo])


def test_only_the_tools_that_an_agent_may_use_are_told_to_the_model():
    names = [schema["function"]["name"] for schema in Toolbox([describe, echo]).schemas(["echo", "gone"])]
    assert names == ["echo"]


def test_the_built_in_tools_are_all_there():
    box = toolbox()
    assert set(box.names) >= {"current_time", "calculator", "fetch_url", "notes", "schedules", "triggers"}
    assert [name for name in box.names if box.effect(name) == "effectful"] == ["notes"]
