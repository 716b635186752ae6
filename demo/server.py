"""The demo model: a scripted model behind an OpenAI-compatible HTTP address, for a first try without a key.

    daphne -b 127.0.0.1 -p 8399 demo.server:application

POST /v1/chat/completions (streamed or not) and GET /v1/models. The same request gets the same text and the
same calls. It needs no key and keeps nothing; bind it to a loopback address. Names: `demo` streams 50 tokens
a second, `demo-slow` 8, `demo-fast` as fast as it can, `demo-N` N tokens a second.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from demo.rules import ProviderRefusal, check, text_of
from demo.script import AnswerPlan, decide

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Bytes of a request; a history that fills a large window is far below.
MAX_BODY = 16 * 1024 * 1024
#: Tokens per second by model name; None: no delay.
_RATES: dict[str, float | None] = {"demo": 50.0, "demo-fast": None, "demo-slow": 8.0}
#: Seconds before the first token, for the models that have a pace: a real one thinks for a moment too.
_FIRST_TOKEN = 0.15
_TOKEN = re.compile(r"\s*[^\s\u4e00-\u9fff]{1,12}|\s*[\u4e00-\u9fff]{1,2}|\s+")


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    if scope["type"] != "http":
        return None
    try:
        await _answer(scope, receive, send)
    except ProviderRefusal as refusal:
        await _json(send, refusal.status, refusal.body())
    return None


async def _answer(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    route = (scope["method"], scope["path"].rstrip("/"))
    if route == ("GET", "/v1/models"):
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "holdfast"} for name in _RATES]
        return await _json(send, 200, {"object": "list", "data": models})
    if route[1] != "/v1/chat/completions":
        raise ProviderRefusal(f"Invalid URL ({scope['method']} {scope['path']})", status=404)
    if route[0] != "POST":
        raise ProviderRefusal(f"Not allowed to {route[0]} on {route[1]}. Use POST.", status=405)
    body = await _body(receive)
    rate = _rate(body)
    check(body)
    plan = decide(body["messages"], body.get("tools"))
    response = _Response(body, plan)
    if not body.get("stream"):
        await asyncio.sleep(_FIRST_TOKEN if rate else 0)
        return await _json(send, 200, response.whole())
    return await _stream(receive, send, response, rate)


def _rate(body: Any) -> float | None:
    """Tokens per second of the model that is asked for. Raises ProviderRefusal for a model that is not here."""
    name = body.get("model") if isinstance(body, dict) else None
    if name in _RATES:
        return _RATES[name]
    if isinstance(name, str) and (found := re.fullmatch(r"demo-([1-9]\d{0,4})", name)):
        return float(found[1])
    if isinstance(name, str) and name:
        raise ProviderRefusal(
            f"The model `{name[:80]}` does not exist or you do not have access to it.",
            "model",
            "model_not_found",
            404,
        )
    return None


class _Response:
    """One plan, in the shapes of OpenAI's answers. Ids come from the request, so they repeat with it."""

    def __init__(self, body: dict[str, Any], plan: AnswerPlan) -> None:
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self._plan = plan
        self._model = body["model"]
        self._id = f"chatcmpl-{digest[:29]}"
        self._calls: list[dict[str, Any]] = [
            {
                "id": f"call_{hashlib.sha256(f'{digest}{place}'.encode()).hexdigest()[:24]}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
            }
            for place, call in enumerate(plan.calls)
        ]
        self._finish = "tool_calls" if plan.calls else "stop"
        sent = sum(len(list(tokens(text_of(message.get("content"))))) + 4 for message in body["messages"])
        written = len(list(tokens(plan.text))) + sum(
            len(list(_pieces(c["function"]["arguments"]))) + 8 for c in self._calls
        )
        self._usage = {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}
        self._wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    def whole(self) -> dict[str, Any]:
        """The answer to a request that does not stream."""
        message: dict[str, Any] = {"role": "assistant", "content": self._plan.text or None, "refusal": None}
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage}

    def chunks(self) -> Iterator[tuple[bool, dict[str, Any]]]:
        """The chunks of a streamed answer; True with those that cost a token's time."""
        yield False, self._chunk({"role": "assistant", "content": "", "refusal": None})
        for token in tokens(self._plan.text):
            yield True, self._chunk({"content": token})
        for place, call in enumerate(self._calls):
            function = {"name": call["function"]["name"], "arguments": ""}
            yield True, self._chunk({"tool_calls": [{**call, "index": place, "function": function}]})
            for piece in _pieces(call["function"]["arguments"]):
                yield True, self._chunk({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
        yield False, self._chunk({}, self._finish)
        if self._wants_usage:
            yield False, {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**chunk, "usage": None} if self._wants_usage else chunk

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": int(time.time()),
            "model": self._model,
            "system_fingerprint": "fp_demo",
        }


def tokens(text: str) -> Iterator[str]:
    """A text in pieces of about a token: a word with the space before it, or two Chinese characters."""
    for found in _TOKEN.finditer(text):
        yield found[0]


def _pieces(arguments: str) -> Iterator[str]:
    """Arguments in several pieces, cut where it hurts: inside of keys, strings and escapes."""
    for start in range(0, len(arguments), 7):
        yield arguments[start : start + 7]


async def _stream(receive: Receive, send: Send, response: _Response, rate: float | None) -> None:
    """Send the chunks at their pace. Ends as soon as the client has gone."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(_disconnected(receive))
    try:
        async for line in _paced(response, rate, gone):
            await send({"type": "http.response.body", "body": line, "more_body": True})
        if not gone.done():
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
    finally:
        gone.cancel()


async def _paced(response: _Response, rate: float | None, gone: "asyncio.Task[None]") -> AsyncIterator[bytes]:
    due = time.monotonic() + (_FIRST_TOKEN if rate else 0.0)
    for costs, chunk in response.chunks():
        # Against a plan, not a sleep per token: what a busy machine sleeps too long is made up for.
        if rate and costs:
            await asyncio.wait({gone}, timeout=max(0.0, due - time.monotonic()))
            due += 1 / rate
        else:
            await asyncio.sleep(0)
        if gone.done():
            return
        yield b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> Any:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProviderRefusal("The request broke off.")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise ProviderRefusal("The request is too large.", status=413)
        if not message.get("more_body"):
            break
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderRefusal(
            "We could not parse the JSON body of your request: it is not valid JSON."
        ) from None


async def _json(send: Send, status: int, body: dict[str, Any]) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
