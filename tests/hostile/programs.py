"""Requests of programs: to the HTTP API and to the OpenAI-compatible endpoint, with a token."""

from __future__ import annotations

import random
from typing import Any

from tests.hostile import browsers, routes, words
from tests.hostile.asking import Asked
from tests.hostile.house import House, Person

UUID = "00000000-0000-4000-8000-000000000000"
#: (method, how an address ends, an honest body, other fields that it may have).
API: tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...] = (
    ("POST", "/conversations", {"agent": "", "title": "t", "text": "Hello"}, ()),
    ("POST", "/conversations", {"title": "t"}, ("agent", "text")),
    ("PATCH", "/{conversation}", {"title": "t"}, ()),
    ("DELETE", "/{conversation}", {}, ()),
    ("POST", "/messages", {"text": "Hello", "attachments": [UUID]}, ("branch",)),
    ("POST", "/stop", {"run": UUID}, ()),
    ("POST", "/decision", {"decision": "approve", "digest": "0" * 64, "note": ""}, ()),
    ("POST", "/settlement", {"decision": "happened", "result": "done"}, ()),
    ("GET", "", {}, ()),
)
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:,"}}],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "x"},
    {"role": "user", "content": "Hello"},
]
MORE = (
    *(
        "temperature",
        "max_tokens",
        "n",
        "tools",
        "tool_choice",
        "stop",
        "user",
        "metadata",
        "response_format",
        "store",
    ),
    *(
        "stream_options",
        "reasoning",
        "instructions",
        "previous_response_id",
        "conversation",
        "background",
        "include",
    ),
)
OPENAI: tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...] = (
    ("POST", "/completions", {"model": "nobody", "messages": MESSAGES, "stream": True}, MORE),
    ("POST", "/completions", {"model": "assistant", "messages": MESSAGES[-1:], "stream": True}, MORE),
    ("POST", "/responses", {"model": "nobody", "input": MESSAGES[:2], "stream": False}, MORE),
    ("POST", "/responses", {"model": "assistant", "input": "Hello", "stream": True}, MORE),
    ("POST", "/responses", {"model": "assistant", "input": "Hello", "background": True}, MORE),
    ("POST", "/cancel", {}, ()),
    ("GET", "", {}, ()),
)
QUERY = ("after", "limit", "before", "cursor", "q", "wait", "stream", "include")


def api(rng: random.Random, house: House) -> tuple[Asked, Person | None]:
    """One request to the HTTP API."""
    return _request(rng, house, "/api/v1/", API)


def openai(rng: random.Random, house: House) -> tuple[Asked, Person | None]:
    """One request to the endpoint for OpenAI's clients."""
    return _request(rng, house, "/v1/", OPENAI)


def _request(rng: random.Random, house: House, prefix: str, bodies: Any) -> tuple[Asked, Person | None]:
    every = routes.of((prefix,))
    method, end, sample, names = rng.choice(bodies)
    fitting = [one for one in every if one.path.endswith(end)]
    route = rng.choice(fitting if rng.random() < 0.95 else every)
    if rng.random() < 0.1:
        method = rng.choice(browsers.METHODS)
    person: Person | None = rng.choice(house.strangers) if rng.random() < 0.97 else None
    path = browsers.address(rng, route, house, person)
    if rng.random() < 0.3:
        path += f"?{words.query(rng, QUERY)}"
    headers = list(person.program().items()) if person is not None else []
    body = b""
    if method not in ("GET", "HEAD") or rng.random() < 0.05:
        body = words.written(rng, words.changed(rng, sample, names))
        headers.append(
            ("Content-Type", "application/json" if rng.random() < 0.95 else rng.choice(words.CONTENT_TYPES))
        )
    if rng.random() < 0.2:
        headers += words.headers(rng)
    return Asked(method, path, tuple(headers), body, source=browsers.source(rng)), person
