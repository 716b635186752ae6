"""Anthropic Messages: its requests, its stream, and whole conversations in it over real HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from agents import events as e
from agents.attachments import FileContent
from agents.dialects.anthropic import models
from agents.dialects.anthropic.stream import AnthropicMessages, Reader
from agents.dialects.assembler import Assembler, Response
from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.dialects.requests import render, validate
from agents.errors import ModelError
from agents.history import History, empty, fold
from agents.profiles import get
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from agents.transcript.room import ModelSettings
from tests.support.broken import A, B, call, done, say, step
from tests.support.native_streams import (
    REDACTED,
    THOUGHT,
    anthropic_events,
    anthropic_reply,
    text_block,
    tool_use,
)
from tests.support.provider import Json, Provider, Reply, json_reply
from tests.support.shell import Shell
from tests.support.strict_provider import refusal, strict

NATIVE = get("anthropic-messages")
SONNET = "claude-sonnet-4-5"
AGENT = AgentSpec("a", "A", "You help.", SONNET, profile="anthropic-messages", tools=("look",))
ROME = {"word": "Rome"}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


def read(events: Sequence[Json]) -> Response:
    reader, assembler = Reader(SONNET), Assembler()
    for one in events:
        for delta in reader.read(one):
            assembler.feed(delta)
    return assembler.response()


def calls(response: Response) -> list[tuple[str, str, str]]:
    return [(one.name, one.arguments, one.state) for one in response.calls]


def told(*events: e.Event) -> History:
    history = empty("c")
    for seq, event in enumerate(events, start=1):
        history = fold(history, event, seq)
    return history


def asked(history: History, model: str = SONNET, profile: str = "anthropic-messages", **more: Any) -> Json:
    body = render(history, get(profile), ModelSettings(model, "You help.", **more))
    assert validate(body, get(profile)) == []
    assert refusal(profile, body) is None
    return body


# What comes


def test_a_response_with_thinking_text_and_parallel_calls() -> None:
    response = read(
        anthropic_events(THOUGHT, text_block("Let me see."), tool_use("look", ROME), tool_use("look", {}, "toolu_2"),
                         stop="tool_use")
    )  # fmt: skip
    assert (response.text, response.reasoning) == ("Let me see.", "Rome is in CET.")
    assert calls(response) == [("look", '{"word": "Rome"}', "ok"), ("look", "{}", "ok")]
    assert [one.provider_id for one in response.calls] == ["toolu_1", "toolu_2"]
    assert (response.usage.input, response.usage.output, response.usage.cached) == (15, 5, 3)
    assert (response.finish, response.ended) == ("tool_calls", True)
    assert list(response.replay) == [
        THOUGHT,
        {"type": "text", "length": 11},
        {"type": "tool_use"},
        {"type": "tool_use"},
    ]


def test_nothing_is_kept_for_a_replay_without_a_signed_thought() -> None:
    unsigned = {**THOUGHT, "signature": ""}
    assert read(anthropic_events(unsigned, text_block("Hi"))).replay == ()


def test_A8_a_call_that_the_limit_cut_off_does_not_run() -> None:
    whole, half = tool_use("look", ROME), tool_use("look", {}, "toolu_2")
    response = read(anthropic_events(whole, half, stop="max_tokens"))
    assert calls(response) == [("look", '{"word": "Rome"}', "ok"), ("look", "{}", "truncated")]
    assert response.finish == "length"


@pytest.mark.parametrize(
    ("stop", "finish"),
    [("end_turn", "stop"), ("refusal", "content_filter"), ("model_context_window_exceeded", "length"),
     ("pause_turn", "pause_turn")],
)  # fmt: skip
def test_reasons(stop: str, finish: str) -> None:
    assert read(anthropic_events(text_block("Hi"), stop=stop)).finish == finish


def test_R5_wherever_the_stream_is_cut_no_call_is_taken_for_complete_before_its_end() -> None:
    events = anthropic_events(THOUGHT, text_block("Hm."), tool_use("look", ROME), stop="tool_use")
    closed = next(
        n for n, one in enumerate(events) if one["type"] == "content_block_stop" and one["index"] == 2
    )
    for cut in range(len(events)):
        response = read(events[:cut])
        assert response.ended == (cut >= len(events) - 1)
        assert {state for _, _, state in calls(response)} <= ({"ok"} if cut > closed else {"truncated"})
        assert "Hm.".startswith(response.text)


def test_servers_that_send_only_some_of_it() -> None:
    """Blocks that are whole as they begin, no pings, no end of the message."""
    blocks = [text_block("Hello"), tool_use("look", ROME)]
    events: list[Json] = []
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    response = read(events)
    assert (response.text, calls(response)) == ("Hello", [("look", '{"word": "Rome"}', "ok")])
    assert response.ended


def test_words_before_and_after_a_thought_do_not_run_into_each_other() -> None:
    response = read(anthropic_events(text_block("One."), THOUGHT, text_block("Two.")))
    assert response.text == "One.\n\nTwo."


def test_what_is_not_as_it_should_be_is_passed_over() -> None:
    odd: list[Json] = [
        {}, {"type": 5}, {"type": "content_block_start"}, {"type": "content_block_delta", "index": "x", "delta": 7},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 77}, {"type": "message_delta", "usage": "?"}, {"type": "vertex_event"},
        {"type": "content_block_start", "index": 8, "content_block": {"type": "server_tool_use", "input": {}}},
    ]  # fmt: skip
    assert read([*odd, *anthropic_events(text_block("Hi"))]).text == "Hi"


def test_an_error_within_the_stream() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(ModelError) as caught:
        read([*anthropic_events(text_block("Hel"))[:-2], error])
    assert (caught.value.code, caught.value.retry) == ("model_busy", True)


# What is sent


def thoughtful(*blocks: Json, stop: str = "end_turn", issuer: str = SONNET, profile: str = "anthropic-messages",
               calls: tuple[e.ProposedCall, ...] = (), number: int = 1) -> e.StepFinished:  # fmt: skip
    """A finished step as the loop stores it."""
    response = read(anthropic_events(*blocks, stop=stop))
    return e.StepFinished(
        at=1, run="r", step=f"r.{number}", text=response.text, calls=calls, issuer=get(profile).issuer(issuer),
        replay={"items": [dict(item) for item in response.replay]} if response.replay else None,
    )  # fmt: skip


def started(number: int = 1) -> e.StepStarted:
    return e.StepStarted(at=1, run="r", step=f"r.{number}")


def with_calls(*blocks: Json, **how: Any) -> list[e.Event]:
    asks = (call(A, arguments='{"word": "Rome"}'),)
    return [
        started(),
        thoughtful(*blocks, stop="tool_use", calls=asks, **how),
        done("r.1", A, "It is a city."),
    ]


def test_V13_V14_thinking_goes_back_as_it_came_with_the_calls_it_led_to() -> None:
    history = told(
        say("m1", "Rome?"), *with_calls(THOUGHT, REDACTED, text_block("Hm."), tool_use("look", ROME))
    )
    body = asked(history)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": models.BUDGET}
    assert [block["type"] for block in body["messages"][1]["content"]] == [
        "thinking", "redacted_thinking", "text", "tool_use",
    ]  # fmt: skip
    assert body["messages"][1]["content"][:2] == [THOUGHT, REDACTED]
    result = body["messages"][2]["content"][0]
    assert (result["type"], result["content"]) == ("tool_result", "It is a city.")


@pytest.mark.parametrize(
    "asked_now", [("claude-opus-4-5", "anthropic-messages"), (SONNET, "anthropic-messages-plain")]
)
def test_V14_it_goes_to_nobody_else(asked_now: tuple[str, str]) -> None:
    history = told(say("m1", "Rome?"), *with_calls(THOUGHT, tool_use("look", ROME)))
    body = asked(history, *asked_now)
    assert "Rome is in CET" not in str(body)
    assert "c2lnbmVk" not in str(body)


def test_V12_no_budget_is_asked_for_in_the_midst_of_calls_that_were_not_thought_about() -> None:
    other = with_calls(tool_use("look", ROME), issuer="claude-opus-4-5")
    assert "thinking" not in asked(told(say("m1", "Rome?"), *other))
    answered = [*other, started(2), thoughtful(text_block("A city."), number=2), say("m2", "And Paris?")]
    assert asked(told(say("m1", "Rome?"), *answered))["thinking"]["type"] == "enabled"


def test_V12_thoughts_of_before_are_left_out_together_with_the_question() -> None:
    first = with_calls(THOUGHT, tool_use("look", ROME))
    second = e.StepFinished(at=1, run="r", step="r.2", text="", calls=(call(B),))
    body = asked(told(say("m1", "Rome?"), *first, started(2), second, done("r.2", B, "x")))
    assert "thinking" not in body
    assert "Rome is in CET" not in str(body)


@pytest.mark.parametrize("profile", ["anthropic-messages", "anthropic-messages-plain"])
def test_V8_a_line_stands_between_results_and_a_message(profile: str) -> None:
    """Found by `make servers`: of a turn with both, llama.cpp hands the words on ahead of the results."""
    history = told(say("m1", "Rome?"), *with_calls(tool_use("look", ROME)), say("m2", "Well?"))
    body = asked(history, profile=profile)
    turns = body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert [block["type"] for block in turns[2]["content"]] == ["tool_result"]
    as_one = {"role": "user", "content": [*turns[2]["content"], *turns[4]["content"]]}
    joined = {**body, "messages": [*turns[:2], as_one]}
    assert "V8" in {one.rule for one in validate(joined, get(profile))}


@pytest.mark.parametrize(
    ("model", "how"),
    [
        ("claude-opus-4-7", "adaptive"), ("claude-sonnet-4-6", "adaptive"), ("claude-opus-5-5", "adaptive"),
        ("claude-fable-5-2", "adaptive"), ("claude-mythos-preview", "adaptive"), ("claude-opus-4-1", "enabled"),
        ("claude-haiku-4-5-20251001", "enabled"), ("claude-sonnet-4-20250514", "enabled"),
        ("claude-3-7-sonnet-latest", "enabled"),
        ("claude-3-5-sonnet-latest", None), ("claude-3-haiku-20240307", None), ("deepseek-v4", None),
    ],
)  # fmt: skip
def test_how_a_model_is_asked_to_think(model: str, how: str | None) -> None:
    found = models.thinking(model)
    assert (found and found["type"]) == how
    assert models.max_tokens(model) > (found or {}).get("budget_tokens", 0)


def test_texts_between_thoughts_come_back_in_their_places() -> None:
    second = {**THOUGHT, "thinking": "Again.", "signature": "dHdv"}
    step_of = thoughtful(THOUGHT, text_block("One."), second, text_block("Two."))
    body = asked(told(say("m1", "Hi"), started(), step_of, say("m2", "And?")))
    assert [block.get("text") or block["thinking"] for block in body["messages"][1]["content"]] == [
        "Rome is in CET.", "One.", "Again.", "\n\nTwo.",
    ]  # fmt: skip


def test_the_prompt_cache_is_marked_at_the_instructions_and_at_the_two_latest_turns() -> None:
    history = told(say("m1", "Rome?"), *with_calls(THOUGHT, tool_use("look", ROME)))
    body = asked(history)
    marked = [block for turn in body["messages"] for block in turn["content"] if "cache_control" in block]
    assert "cache_control" in body["system"][-1]
    assert [block["type"] for block in marked] == ["text", "tool_result"]
    assert marked[-1] is body["messages"][-1]["content"][-1]


def test_what_the_cache_was_left_for_is_how_the_next_request_begins() -> None:
    def prefix(body: Json) -> str:
        plain = deepcopy(body["messages"])
        for turn in plain:
            for block in turn["content"]:
                block.pop("cache_control", None)
        return str([body["system"], *plain])

    first = told(say("m1", "Rome?"))
    then = told(say("m1", "Rome?"), *with_calls(THOUGHT, tool_use("look", ROME)))
    assert prefix(asked(then)).startswith(prefix(asked(first))[:-1])


def test_a_picture_and_a_text_file() -> None:
    files = (
        e.AttachmentRef(id="f1", name="a.png", media_type="image/png", size=3),
        e.AttachmentRef(id="f2", name="b.txt", media_type="text/plain", size=2),
    )
    said = e.MessageAdded(at=1, message="m1", text="Look.", attachments=files)
    contents = {"f1": FileContent("image/png", b"png"), "f2": FileContent("text/plain", b"hi")}
    body = asked(told(said), files=contents)
    blocks = body["messages"][0]["content"]
    picture = next(block for block in blocks if block["type"] == "image")
    assert picture["source"] == {"type": "base64", "media_type": "image/png", "data": "cG5n"}
    assert any("hi" in block.get("text", "") for block in blocks)


@pytest.mark.parametrize(
    "arguments",
    ['{"x": 1e999}', '{"t": "\\ud800"}', '{"a":' * 80 + "1" + "}" * 80, '{"a":' * 900 + "1" + "}" * 900],
)
def test_V10_arguments_that_no_json_reader_takes(arguments: str) -> None:
    asks = call(A, arguments=arguments)
    body = asked(told(say("m1", "Hi"), *step("r.1", asks), done("r.1", A, "x")))
    block = body["messages"][1]["content"][0]
    assert isinstance(block["input"], dict)


Break = Callable[[Json], Any]
BREAKS: dict[str, tuple[str, Break]] = {
    "V1": ("a result is missing", lambda body: body["messages"][2]["content"].__setitem__(0, text_block("x"))),
    "V2": ("a result of nothing", lambda body: body["messages"][0]["content"].append(
        {"type": "tool_result", "tool_use_id": "aaaaaaaaa", "content": "x"})),
    "V3": ("words before the result", lambda body: body["messages"][2]["content"].insert(0, text_block("x"))),
    "V4": ("a second result", lambda body: body["messages"][2]["content"].append(
        deepcopy(body["messages"][2]["content"][0]))),
    "V5": ("no id", lambda body: [block.update(id="") for block in body["messages"][1]["content"] if "id" in block]),
    "V9": ("an empty text", lambda body: body["messages"][0]["content"].append(text_block(" "))),
    "V10": ("arguments as text", lambda body: body["messages"][1]["content"][-1].update(input="{}")),
    "V11": ("ends on the assistant", lambda body: body["messages"].pop()),
    "V12": ("no thought first", lambda body: body["messages"][1]["content"].pop(0)),
    "V14": ("an unsigned thought", lambda body: body["messages"][1]["content"][0].update(signature="")),
    "V16": ("no tools", lambda body: body.pop("tools")),
}  # fmt: skip


@pytest.mark.parametrize("rule", BREAKS)
def test_the_gate_and_the_strict_provider_both_find_what_is_broken(rule: str) -> None:
    history = told(say("m1", "Rome?"), *with_calls(THOUGHT, tool_use("look", ROME)))
    body = deepcopy(asked(history))
    BREAKS[rule][1](body)
    assert rule in {one.rule for one in validate(body, NATIVE)}
    assert refusal("anthropic-messages", body) is not None


# Whole conversations


def toolbox() -> Toolbox:
    @tool(effect="read_only")
    def look(word: str) -> str:
        """Look a word up.

        Args:
            word: the word
        """
        return f"{word} means something"

    return Toolbox([look])


def thinking_provider(path: str, body: Json) -> Reply:
    """Thinks, asks for two tools at once, and answers when it has their results."""
    latest = body["messages"][-1]["content"]
    thought = {**THOUGHT, "signature": f"sig{len(body['messages'])}"}
    if any(block["type"] == "tool_result" for block in latest):
        return anthropic_reply(anthropic_events(thought, text_block("Done.")))
    asks = [tool_use("look", ROME), tool_use("look", ROME, "toolu_2")]
    return anthropic_reply(anthropic_events(thought, *asks, stop="tool_use"))


async def test_a_conversation_with_thinking_carried_over() -> None:
    shell = Shell()
    async with Provider(strict("anthropic-messages", thinking_provider)) as provider:
        base = provider.url.removesuffix("/v1")
        for text in ("one", "two"):
            shell.say(text)
            await shell.work(AGENT, AnthropicMessages(base, "sk-ant"), toolbox())
            assert isinstance(shell.last(), e.RunFinished)
    assert not [one for one in shell.log if isinstance(one, e.RunRetrying)]
    assert [step.text for step in shell.steps()] == ["", "Done.", "", "Done."]
    last = provider.requests[-1]
    kinds = [[block["type"] for block in turn["content"]] for turn in last["messages"]]
    loop = [["text"], ["thinking", "tool_use", "tool_use"], ["tool_result", "tool_result"]]
    assert kinds == [*loop, ["thinking", "text"], *loop]
    assert last["stream"] is True
    # The key goes in a header of its own, and nowhere else.
    assert provider.headers[-1]["x-api-key"] == "sk-ant"
    assert provider.headers[-1]["anthropic-version"] == "2023-06-01"
    assert "authorization" not in provider.headers[-1]


async def test_the_base_of_the_compatible_api_serves_this_one_too() -> None:
    paths: list[str] = []

    def answer(path: str, body: Json) -> Reply:
        paths.append(path)
        return anthropic_reply(anthropic_events(text_block("Hi")))

    async with Provider(answer) as provider:
        for base in (provider.url, f"{provider.url}/", provider.url.removesuffix("/v1")):
            shell = Shell()
            shell.say("Hello")
            await shell.work(AGENT, AnthropicMessages(base), toolbox())
    assert paths == ["/v1/messages"] * 3


async def test_a_server_that_answers_with_one_message_instead_of_a_stream() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2}
    whole = {
        "type": "message",
        "role": "assistant",
        "content": [text_block("Hello")],
        "stop_reason": "end_turn",
    }
    shell = Shell()
    shell.say("Hi")
    async with Provider(lambda path, body: json_reply(200, {**whole, "usage": usage})) as provider:
        await shell.work(AGENT, AnthropicMessages(provider.url), toolbox())
    assert [step.text for step in shell.steps()] == ["Hello"]


async def test_bytes_split_anywhere_come_to_the_same() -> None:
    events = anthropic_events(
        THOUGHT, text_block("Grüße 🙂"), tool_use("look", {"word": "日"}), stop="tool_use"
    )
    whole = b"".join(anthropic_reply(events).pieces)
    random = Random(1)
    found = set()
    for _ in range(12):
        places = sorted(random.sample(range(1, len(whole)), 9))
        pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
        async with Provider(lambda path, body, pieces=pieces: Reply(pieces=pieces)) as provider:
            assembler = Assembler()
            async for delta in AnthropicMessages(provider.url).stream({"model": SONNET}):
                assembler.feed(delta)
        found.add(repr(assembler.response()))
    assert len(found) == 1
    assert "Grüße 🙂" in found.pop()


def test_the_profile_chooses_the_dialect() -> None:
    assert isinstance(open_model(AGENT, "k"), AnthropicMessages)
