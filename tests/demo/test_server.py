"""The demo model as a process of its own, spoken to by the real `openai` client."""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from agents.extensions import toolbox
from tests.support.ports import claim_port
from tests.support.waiting import eventually, wait_until

ROOT = Path(__file__).parents[2]
TOOLS: Any = toolbox().schemas(toolbox().names)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A running demo model, started as in production."""
    port = claim_port()
    command = [
        sys.executable,
        "-m",
        "daphne",
        "-b",
        "127.0.0.1",
        "-p",
        str(port),
        "demo.server:application",
    ]
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **quiet)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        wait_until(lambda: answers(url), 30, "the demo model to listen")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture
async def client(address: str):
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=20) as client:
        yield client


async def collect(stream: Any) -> dict[str, Any]:
    """All that a stream says, put together; and its chunks."""
    out: dict[str, Any] = {"text": "", "calls": {}, "finish": None, "usage": None, "chunks": [], "times": []}
    async for chunk in stream:
        out["chunks"].append(chunk)
        out["times"].append(time.monotonic())
        if chunk.usage:
            out["usage"] = chunk.usage
        for choice in chunk.choices:
            out["finish"] = choice.finish_reason or out["finish"]
            out["text"] += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                known = out["calls"].setdefault(
                    call.index, {"id": call.id, "name": call.function.name, "pieces": []}
                )
                known["pieces"].append(call.function.arguments or "")
    return out


async def ask(client: Any, text: str, model: str = "demo-fast", **more: Any) -> dict[str, Any]:
    messages: Any = [{"role": "user", "content": text}]
    options = {"include_usage": True}
    stream = await client.chat.completions.create(
        model=model, messages=messages, tools=TOOLS, stream=True, stream_options=options, **more
    )
    return await collect(stream)


async def test_text_streams_word_by_word_and_usage_comes_last(client: Any):
    got = await ask(client, "hello")
    assert "demo model" in got["text"]
    assert got["finish"] == "stop"
    assert len(got["chunks"]) > 50
    assert got["chunks"][-1].choices == []
    assert got["usage"].total_tokens == got["usage"].prompt_tokens + got["usage"].completion_tokens > 50
    assert len({chunk.id for chunk in got["chunks"]}) == 1
    assert got["chunks"][0].id.startswith("chatcmpl-")


async def test_parallel_calls_stream_in_pieces_with_ids_like_real_ones(client: Any):
    got = await ask(client, "time in Tokyo and 12*7")
    assert got["finish"] == "tool_calls"
    assert [call["name"] for call in got["calls"].values()] == ["current_time", "calculator"]
    assert all(len(call["pieces"]) > 2 for call in got["calls"].values())
    arguments = [json.loads("".join(call["pieces"])) for call in got["calls"].values()]
    assert arguments == [{"place": "Tokyo"}, {"expression": "12*7"}]
    ids = [call["id"] for call in got["calls"].values()]
    assert all(id.startswith("call_") and len(id) == 29 for id in ids)
    assert len(set(ids)) == 2


async def test_the_same_request_is_answered_the_same(client: Any):
    first, second = await ask(client, "time in Tokyo"), await ask(client, "time in Tokyo")
    assert (first["text"], first["calls"]) == (second["text"], second["calls"])


async def test_without_streaming_the_answer_is_the_same_in_one_piece(client: Any):
    streamed = await ask(client, "12*7")
    messages: Any = [{"role": "user", "content": "12*7"}]
    whole = await client.chat.completions.create(model="demo-fast", messages=messages, tools=TOOLS)
    message = whole.choices[0].message
    assert message.content == streamed["text"]
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == "".join(streamed["calls"][0]["pieces"])
    assert whole.usage is not None


async def test_a_whole_conversation_of_call_and_result(client: Any):
    messages: Any = [{"role": "user", "content": "12*7"}]
    first = await client.chat.completions.create(model="demo-fast", messages=messages, tools=TOOLS)
    message = first.choices[0].message
    assert message.tool_calls is not None
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "12*7 = 84"},
    ]
    last = await client.chat.completions.create(model="demo-fast", messages=messages, tools=TOOLS)
    assert last.choices[0].message.content == "`12*7` = **84**"


async def test_an_orphan_result_is_refused_as_a_provider_would(client: Any):
    messages: Any = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "z", "content": "y"}]
    with pytest.raises(openai.BadRequestError, match="must be a response to a preceeding message") as refused:
        await client.chat.completions.create(model="demo", messages=messages, stream=True)
    assert refused.value.type == "invalid_request_error"


async def test_a_call_without_a_result_is_refused_as_a_provider_would(client: Any):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: Any = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}]
    with pytest.raises(openai.BadRequestError, match="did not have response messages: call_1"):
        await client.chat.completions.create(model="demo", messages=messages)


async def test_an_unknown_model_is_not_found(client: Any):
    with pytest.raises(openai.NotFoundError, match="does not exist") as refused:
        await ask(client, "hi", model="gpt-9")
    assert refused.value.code == "model_not_found"


async def test_the_models_are_listed(client: Any):
    assert [model.id async for model in client.models.list()] == ["demo", "demo-fast", "demo-slow"]


def post(address: str, body: bytes, path: str = "/chat/completions") -> tuple[int, Any]:
    request = urllib.request.Request(f"{address}{path}", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b"null"])
def test_what_is_no_json_is_refused_and_not_a_crash(address: str, body: bytes):
    status, answer = post(address, body)
    assert status == 400
    assert "JSON" in answer["error"]["message"]


def test_other_addresses_are_not_found(address: str):
    assert post(address, b"{}", "/completions")[0] == 404
    assert post(address, b"{}", "/models")[0] == 404


async def test_the_pace_is_that_of_the_name(client: Any):
    got = await ask(client, "hello", model="demo-200")
    words = len(got["chunks"]) - 4
    took = got["times"][-1] - got["times"][0]
    # Not faster than the pace allows; how much slower is up to the machine.
    assert took >= 0.8 * words / 200


async def test_a_client_that_leaves_ends_the_stream(address: str):
    """Straight against the application: it must return soon after the disconnect, not at the end of its text."""
    from demo.server import application

    body = {
        "model": "demo-slow",
        "stream": True,
        "messages": [{"role": "user", "content": "write a long text"}],
    }
    left = asyncio.Event()
    sent: list[Any] = []
    inbox: list[Any] = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> Any:
        if inbox:
            return inbox.pop(0)
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    serving = asyncio.create_task(application(scope, receive, send))
    await eventually(lambda: len(sent) > 5, 10, "some tokens")
    left.set()
    await asyncio.wait_for(serving, 10)
    assert b"[DONE]" not in sent[-1]["body"]


async def test_a_stream_that_is_cancelled_leaves_the_server_well(client: Any):
    messages: Any = [{"role": "user", "content": "write a long text"}]
    stream = await client.chat.completions.create(model="demo", messages=messages, stream=True)
    async for _ in stream:
        break
    await stream.close()
    assert "demo model" in (await ask(client, "hello"))["text"]
