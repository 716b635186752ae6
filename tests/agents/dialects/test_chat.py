"""Chat Completions through the real client and real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from agents.dialects.assembler import Assembler, Response
from agents.dialects.base import Delta, TextDelta, UsageDelta
from agents.dialects.chat.stream import OpenAIChat
from agents.dialects.http import client_for, close_clients
from agents.errors import ModelError, TooLong, TranscriptRefused
from tests.support.provider import Provider, Reply, completion, json_reply
from tests.support.quirks import QUIRKS, sse
from tests.support.waiting import eventually

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    yield
    await close_clients()


async def read(url: str, key: str = "key") -> list[Delta]:
    async with aclosing(OpenAIChat(url, key).stream(BODY)) as deltas:
        return [delta async for delta in deltas]


async def assembled(url: str) -> Response:
    assembler = Assembler()
    for delta in await read(url):
        assembler.feed(delta)
    return assembler.response()


async def failed(reply: Reply) -> ModelError:
    async with Provider(lambda path, body: reply) as provider:
        with pytest.raises(ModelError) as caught:
            await read(provider.url)
    return caught.value


@pytest.mark.parametrize("name", QUIRKS)
async def test_T4_quirk_over_HTTP_with_a_boundary_at_every_byte(name: str) -> None:
    quirk = QUIRKS[name]
    pieces = [bytes([byte]) for byte in sse(quirk)]
    reply = Reply(pieces=pieces, cut=quirk.ending == "cut")
    async with Provider(lambda path, body: reply) as provider:
        if quirk.ending in ("cut", "error"):
            with pytest.raises(ModelError) as caught:
                await read(provider.url)
            assert caught.value.retry
            return
        response = await assembled(provider.url)
    assert tuple((call.name, call.arguments) for call in response.calls) == quirk.calls
    assert (response.text, response.finish) == (quirk.text, quirk.finish)


async def test_it_asks_for_a_stream_and_for_usage_and_sends_the_key() -> None:
    async with Provider(lambda path, body: completion("Hello you")) as provider:
        deltas = await read(provider.url, "secret")
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["Hello ", "you"]
    assert any(isinstance(delta, UsageDelta) for delta in deltas)
    assert provider.requests == [{**BODY, "stream": True, "stream_options": {"include_usage": True}}]
    assert provider.keys == ["Bearer secret"]


async def test_one_client_serves_an_address_and_key() -> None:
    assert client_for("http://a/v1", "k") is client_for("http://a/v1", "k")
    assert client_for("http://a/v1", "k") is not client_for("http://a/v1", "other")


async def test_R7_closing_the_stream_closes_the_connection() -> None:
    begun = Reply(pieces=completion("one two three").pieces[:2], hang=True)
    async with Provider(lambda path, body: begun) as provider:
        async with aclosing(OpenAIChat(provider.url, "k").stream(BODY)) as deltas:
            await anext(deltas)
        await eventually(lambda: provider.gone == 1, 10, "the provider to see the client go")


async def test_R7_so_does_cancelling_the_task_that_reads() -> None:
    begun = Reply(pieces=completion("one two three").pieces[:2], hang=True)
    async with Provider(lambda path, body: begun) as provider:
        task = asyncio.create_task(read(provider.url))
        await eventually(lambda: provider.requests, 10, "the request")
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: provider.gone == 1, 10, "the provider to see the client go")


async def test_nobody_listens() -> None:
    async with Provider(lambda path, body: completion("x")) as provider:
        url = provider.url
    with pytest.raises(ModelError) as caught:
        await read(url)
    assert (caught.value.code, caught.value.retry) == ("model_unreachable", True)


async def test_the_client_itself_never_retries() -> None:
    async with Provider(lambda path, body: json_reply(503, {"error": "busy"})) as provider:
        with pytest.raises(ModelError):
            await read(provider.url)
    assert len(provider.requests) == 1


def error(status: int, message: str, code: str = "", **headers: str) -> Reply:
    return json_reply(status, {"error": {"message": message, "code": code}}, **headers)


@pytest.mark.parametrize(
    ("reply", "code", "retry", "after"),
    [
        (error(401, "Incorrect API key provided: sk-abcdef123"), "model_auth", False, None),
        (error(429, "Rate limit", retry_after="7"), "model_busy", True, 7.0),
        (error(429, "You exceeded your current quota", "insufficient_quota"), "model_quota", False, None),
        (error(402, "Insufficient Balance"), "model_quota", False, None),
        (error(404, "no", "model_not_found"), "model_unknown", False, None),
        (error(400, "The model `m` does not exist"), "model_unknown", False, None),
        (error(500, "oops"), "model_error", True, None),
        (error(529, "overloaded"), "model_busy", True, None),
        (error(400, "unsupported parameter"), "model_rejected", False, None),
        (Reply(200, [b"data: {not json\n\n"]), "model_error", True, None),
    ],
)
async def test_answers_that_are_no_stream(reply: Reply, code: str, retry: bool, after: float | None) -> None:
    failure = await failed(reply)
    assert (failure.code, failure.retry, failure.after) == (code, retry, after)
    assert "sk-abcdef123" not in failure.detail


async def test_a_request_that_is_too_long_is_told_apart() -> None:
    text = "This model's maximum context length is 8192 tokens."
    error = await failed(json_reply(400, {"error": {"code": "context_length_exceeded", "message": text}}))
    assert isinstance(error, TooLong)


async def test_T5_a_refused_transcript_is_told_apart_whatever_the_status() -> None:
    for status, text, kind in (
        (400, "No tool call found for function call output with call_id call_1.", "E1"),
        (400, "Invalid request: tool_call_id  is not found", "E8"),
        (500, "Failed to parse tool call arguments as JSON: syntax error", "E22"),
    ):
        error = await failed(json_reply(status, {"error": {"message": text}}))
        assert isinstance(error, TranscriptRefused) and error.kind == kind
