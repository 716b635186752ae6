"""POST to a model's server and read what comes back: for every dialect, through the `openai` client.

The client is used for what it is good at: connections, headers, the errors of HTTP. The body is read here, as the
plain JSON it is, because compatible servers send more kinds of it than the client knows (docs/streams.md).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import httpx2  # what `openai` speaks HTTP with; its errors come through where the body is read
import openai
from openai import AsyncOpenAI, AsyncStream

from agents.dialects.body import DONE, Body
from agents.dialects.errors import broken_off, classify, unreachable
from agents.responses import Heard, listener

__all__ = ["DONE", "client_for", "close_clients", "post"]

#: Seconds: to connect; and without a byte of the answer (reasoning models think for minutes).
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 180.0
#: Seconds that a server gets to close an answer that it has ended, so that the connection can be used again.
DRAIN_TIMEOUT = 0.1

#: One client, with its pool of connections, per event loop, address and key.
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], AsyncOpenAI]]" = (
    WeakKeyDictionary()
)


def client_for(base_url: str, key: str) -> AsyncOpenAI:
    """The client of this address and key in the running event loop; made at the first use."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if (base_url, key) not in clients:
        clients[base_url, key] = AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",  # Local servers want no key, the client wants one.
            max_retries=0,  # The loop retries, visibly; nothing below it does.
            timeout=openai.Timeout(SILENCE_TIMEOUT, connect=CONNECT_TIMEOUT),
        )
    return clients[base_url, key]


async def close_clients() -> None:
    """Close the clients of the running event loop. Call it when the process ends its work."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


async def post(
    base_url: str, key: str, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Mapping[str, Any], None]:
    """POST `body` and yield the JSON objects that come back, and `DONE` where the server marks the end. Raises
    ModelError; closes the response when it is closed or cancelled itself. `headers`: what carries the key at this
    API, instead of `Authorization`."""
    begun = False
    stream: AsyncStream[Any] | None = None
    model = str(body.get("model", ""))
    heard = listener()
    try:
        client = client_for(base_url, key)
        stream = await client.post(
            path,
            body=dict(body),
            cast_to=object,
            options={} if headers is None else {"headers": {**headers, "Authorization": openai.Omit()}},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        answer = Body(model)
        if heard is not None:
            heard.begins(stream.response.status_code, stream.response.headers)
        async with aclosing(_pieces(stream)) as pieces:
            async for piece in pieces:
                if heard is not None:
                    heard.piece(piece)
                for frame in answer.feed(piece):
                    begun = True
                    yield frame
                if answer.done:
                    await _drain(pieces)
                    return
        for frame in answer.end():
            yield frame
    except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:
        if heard is not None:
            _hear(heard, error)
        _explain(error, model, begun)
    finally:
        if stream is not None:
            await stream.close()


async def _pieces(stream: AsyncStream[Any]) -> AsyncGenerator[bytes, None]:
    async for piece in stream.response.aiter_bytes():
        yield piece


async def _drain(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read what follows the end, so that the connection can be used again; not for long, and whatever it is."""
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx2.HTTPError, OSError):
        pass


def _hear(heard: Heard, error: Exception) -> None:
    """Tell what came of a request that was refused."""
    if isinstance(error, openai.APIStatusError) and not heard.status:
        heard.begins(error.response.status_code, error.response.headers)
        text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
        heard.piece(text.encode("utf-8", "replace"))


def _explain(error: Exception, model: str, begun: bool) -> NoReturn:
    """Raise the ModelError that `error` means."""
    match error:
        case openai.APIStatusError():
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            raise classify(error.status_code, text, headers, model=model) from error
        case openai.APITimeoutError() | httpx2.TimeoutException():
            if begun:
                raise broken_off(f"nothing came for {SILENCE_TIMEOUT:.0f} seconds") from error
            raise unreachable("it did not answer in time") from error
        case openai.APIConnectionError():
            raise unreachable("no connection") from error
        case openai.APIError():
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            raise classify(0, text, model=model) from error
    if begun:
        raise broken_off("the connection was lost") from error
    raise unreachable("no connection") from error
