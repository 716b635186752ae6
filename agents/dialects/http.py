"""POST to a model's server and read the event stream that comes back: for every dialect, through the `openai` client.

The client is used for what it is good at (connections, headers, server-sent events). Its chunk types are not:
they assume fields that compatible servers leave out, so chunks are read as the plain JSON they are.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import openai
from openai import AsyncOpenAI, AsyncStream

from agents.dialects.errors import broken_off, classify, unreachable

#: Seconds: to connect; and without a byte of the answer (reasoning models think for minutes).
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 180.0

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
    """POST `body` and yield the JSON objects of the event stream. Raises ModelError; closes the response when
    it is closed or cancelled itself. `headers`: what carries the key at this API, instead of `Authorization`."""
    begun = False
    response: AsyncStream[Any] | None = None
    try:
        client = client_for(base_url, key)
        response = await client.post(
            path,
            body=dict(body),
            cast_to=object,
            options={} if headers is None else {"headers": {**headers, "Authorization": openai.Omit()}},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        async for chunk in response:
            begun = True
            if isinstance(chunk, Mapping):
                yield chunk
    except (openai.OpenAIError, ValueError, OSError) as error:
        _explain(error, str(body.get("model", "")), begun)
    finally:
        if response is not None:
            await response.close()


def _explain(error: Exception, model: str, begun: bool) -> NoReturn:
    """Raise the ModelError that `error` means."""
    match error:
        case openai.APIStatusError():
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            raise classify(error.status_code, text, headers, model=model) from error
        case openai.APITimeoutError():
            if begun:
                raise broken_off(f"nothing came for {SILENCE_TIMEOUT:.0f} seconds") from error
            raise unreachable("it did not answer in time") from error
        case openai.APIConnectionError():
            if begun:
                raise broken_off("the connection was lost") from error
            raise unreachable("no connection") from error
        case openai.APIError():  # An error object inside a stream that had begun with 200 (Q30).
            text = json.dumps(error.body, ensure_ascii=False) if error.body is not None else error.message
            raise classify(0, text, model=model) from error
        case ValueError():
            raise broken_off("what came is not JSON") from error
    raise broken_off("the connection was lost") from error
