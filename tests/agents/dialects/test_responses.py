"""The Responses dialect: its stream, and a whole conversation in it over real HTTP."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from agents import events as e
from agents.dialects.assembler import Assembler, Response
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.http import close_clients
from agents.dialects.opening import open_model
from agents.dialects.responses.stream import OpenAIResponses, Reader
from agents.errors import ModelError
from agents.spec import AgentSpec
from agents.tools import Toolbox, tool
from tests.support.provider import Json, Provider, Reply, completion, event
from tests.support.shell import Shell
from tests.support.strict_provider import strict

A = '{"word": "a"}'
REASONING: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "encrypted_content": "gAAA",
    "status": None,
}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


def message(text: str, id: str = "msg_1") -> Json:
    return {
        "type": "message",
        "id": id,
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
    }


def call(name: str, arguments: str, number: int = 1) -> Json:
    return {
        "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
        "arguments": arguments, "status": "completed",
    }  # fmt: skip


def stream(*items: Json, kind: str = "completed", **response: Any) -> list[Json]:
    """All events of a response, as the provider names them."""
    events: list[Json] = [{"type": "response.created", "response": {"output": []}}]
    for place, item in enumerate(items):
        bare = {**item, "arguments": "", "content": []}
        events.append({"type": "response.output_item.added", "output_index": place, "item": bare})
        where = {"output_index": place, "item_id": item["id"]}
        if item["type"] == "message":
            text = item["content"][0]["text"]
            events += [{"type": "response.output_text.delta", **where, "delta": char} for char in text]
        if item["type"] == "function_call":
            events += [
                {"type": "response.function_call_arguments.delta", **where, "delta": char}
                for char in item["arguments"]
            ]
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    usage = {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2}}
    done = {"output": list(items), "usage": usage, **response}
    return [*events, {"type": f"response.{kind}", "response": done}]


def read(events: Sequence[Json]) -> Response:
    reader, assembler = Reader(), Assembler()
    for one in events:
        for delta in reader.read(one):
            assembler.feed(delta)
    return assembler.response()


def calls(response: Response) -> list[tuple[str, str, str]]:
    return [(one.name, one.arguments, one.state) for one in response.calls]


def test_a_response_with_reasoning_text_and_parallel_calls() -> None:
    response = read(stream(REASONING, message("Let me see."), call("look", A), call("look", A, 2)))
    assert response.text == "Let me see."
    assert calls(response) == [("look", A, "ok"), ("look", A, "ok")]
    assert [one.provider_id for one in response.calls] == ["call_1", "call_2"]
    assert (response.usage.input, response.usage.output, response.usage.cached) == (9, 4, 2)
    assert response.finish == "tool_calls"
    assert list(response.replay) == [
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []},
        {"type": "message", "id": "msg_1"},
        {"type": "function_call", "id": "fc_1"},
        {"type": "function_call", "id": "fc_2"},
    ]


def test_without_encrypted_reasoning_nothing_is_kept_for_a_replay() -> None:
    bare = {**REASONING, "encrypted_content": None}
    assert read(stream(bare, call("look", A))).replay == ()


@pytest.mark.parametrize("left_out", ["deltas", "done", "output", "deltas and done", "deltas and output"])
def test_servers_that_send_only_some_of_it(left_out: str) -> None:
    events = stream(message("Hello"), call("look", A))
    if "deltas" in left_out:
        events = [one for one in events if not one["type"].endswith(".delta")]
    if "done" in left_out:
        events = [one for one in events if one["type"] != "response.output_item.done"]
    if "output" in left_out:
        events[-1]["response"]["output"] = []
    response = read(events)
    assert response.text == "Hello"
    assert calls(response) == [("look", A, "ok")]


def test_two_messages_do_not_run_into_each_other() -> None:
    assert read(stream(message("One."), message("Two.", "msg_2"))).text == "One.\n\nTwo."


def test_A8_an_incomplete_response_truncates_its_last_call() -> None:
    details = {"reason": "max_output_tokens"}
    response = read(
        stream(call("look", A), call("look", A[:5], 2), kind="incomplete", incomplete_details=details)
    )
    assert [state for _, _, state in calls(response)] == ["ok", "truncated"]
    assert response.finish == "length"


def test_R5_a_stream_without_its_last_event_has_no_finish_and_no_calls() -> None:
    response = read(stream(message("Hel"), call("look", A))[:-1])
    assert (response.finish, response.calls, response.text) == ("", (), "Hel")


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "Oops"}}},
            "model_busy",
        ),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Rate limit reached"}, "model_busy"),
        ({"type": "response.failed", "response": {}}, "model_error"),
    ],
)
def test_failures_within_a_stream(last: Json, code: str) -> None:
    with pytest.raises(ModelError) as caught:
        read([*stream(message("Hel"))[:-1], last])
    assert (caught.value.code, caught.value.retry) == (code, True)


def test_what_is_not_as_it_should_be_is_passed_over() -> None:
    odd: list[Json] = [
        {}, {"type": 5}, {"type": "response.output_text.delta"}, {"type": "response.output_item.done", "item": "x"},
        {"type": "response.output_text.delta", "delta": 7, "output_index": "a"}, {"type": "response.queued"},
    ]  # fmt: skip
    assert read([*odd, *stream(message("Hi"))]).text == "Hi"


def toolbox() -> Toolbox:
    @tool(effect="read_only")
    def look(word: str) -> str:
        """Look a word up.

        Args:
            word: the word
        """
        return f"{word} means something"

    return Toolbox([look])


RESPONSES = AgentSpec("a", "A", "You help.", "gpt-5", profile="openai-responses", tools=("look",))
CHAT = AgentSpec("a", "A", "You help.", "gpt-5", profile="openai-chat", tools=("look",))


def responses_provider(path: str, body: Json) -> Reply:
    items = body["input"]
    number = len(items)
    if items[-1].get("type") == "function_call_output":
        answer = stream({**REASONING, "id": f"rs_{number}"}, message("Done.", f"msg_{number}"))
    else:
        thought = {**REASONING, "id": f"rs_{number}"}
        answer = stream(thought, call("look", A, number), call("look", A, number + 1))
    pieces = b"".join(event(one) for one in answer)
    return Reply(pieces=[pieces[start : start + 7] for start in range(0, len(pieces), 7)])


def chat_provider(path: str, body: Json) -> Reply:
    if body["messages"][-1]["role"] == "tool":
        return completion("Done.")
    function = {"name": "look", "arguments": A}
    return completion(calls=[{"index": 0, "id": "call_1", "type": "function", "function": function}])


async def test_a_conversation_with_reasoning_carried_over() -> None:
    shell = Shell()
    async with Provider(strict("openai-responses", responses_provider)) as provider:
        for text in ("one", "two"):
            shell.say(text)
            await shell.work(RESPONSES, OpenAIResponses(provider.url), toolbox())
            assert isinstance(shell.last(), e.RunFinished)
    assert not [one for one in shell.log if isinstance(one, e.RunRetrying)]
    assert [step.text for step in shell.steps()] == ["", "Done.", "", "Done."]
    kinds = [item.get("role", item["type"]) for item in provider.requests[-1]["input"]]
    first = [
        "user",
        "reasoning",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert kinds == [*first, "reasoning", "assistant", *first]
    assert provider.requests[0]["include"] == ["reasoning.encrypted_content"]


async def test_a_switch_of_the_model_in_both_directions() -> None:
    shell = Shell()
    async with (
        Provider(strict("openai-responses", responses_provider)) as one,
        Provider(strict("openai-chat", chat_provider)) as other,
    ):
        for turn in range(4):
            shell.say(f"turn {turn}")
            if turn % 2:
                await shell.work(CHAT, OpenAIChat(other.url), toolbox())
            else:
                await shell.work(RESPONSES, OpenAIResponses(one.url), toolbox())
            assert isinstance(shell.last(), e.RunFinished)
    assert not [event for event in shell.log if isinstance(event, e.RunRetrying)]
    assert "gAAA" not in str(other.requests)
    assert "gAAA" in str(one.requests[-1])


def test_the_profile_chooses_the_dialect() -> None:
    assert isinstance(open_model(RESPONSES, "k"), OpenAIResponses)
    assert isinstance(open_model(CHAT, "k"), OpenAIChat)


def test_only_models_that_reason_are_asked_for_it() -> None:
    from agents.dialects.requests import render
    from agents.history import empty
    from agents.profiles import get
    from agents.transcript.room import ModelSettings

    profile = get("openai-responses")
    assert "include" in render(empty("c"), profile, ModelSettings("o3"))
    assert "include" not in render(empty("c"), profile, ModelSettings("gpt-4o"))
