"""The model of a chaos run: a strict provider that does what the newest message says.

A message is a plan: `[pay 200 100, look 50 0] [post 0 300] say 20` asks for a step with two calls (milliseconds
before and after their effects), then a step with one, then a text of 20 words. Which part comes next is read from the
request alone.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import Any

from tests.support.provider import Answer, Json, Provider, Reply, completion
from tests.support.strict_provider import refusal, strict

#: When a request came, and what it had of simulated people.
Asked = tuple[int, tuple[str, ...]]
PACE_S = 0.02
_STEP = re.compile(r"\[([^\]]*)\]")
#: What tells a message of a simulated person from others; it stays when the message is corrected.
TAG = re.compile(r"Number (\w+\.\d+):")
_SAY = re.compile(r"say (\d+)")


def answer(path: str, body: Json) -> Reply:
    """The next part of the plan in the newest user message."""
    messages = body["messages"]
    newest = max(place for place, message in enumerate(messages) if message["role"] == "user")
    plan = _text(messages[newest])
    begun = sum(1 for message in messages[newest:] if message.get("tool_calls"))
    steps = _STEP.findall(plan)
    if begun < len(steps):
        calls = [_call(place, part.split()) for place, part in enumerate(steps[begun].split(","))]
        reply = completion("One moment.", calls)
    else:
        said = _SAY.search(plan)
        reply = completion(" ".join(f"word{number}" for number in range(int(said[1]) if said else 3)))
    reply.pause = PACE_S
    return reply


def _text(message: Json) -> str:
    content = message["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _call(place: int, words: list[str]) -> Json:
    name, before, after = words
    # The same id in every answer: what repeats ids across turns must not confuse anybody (rule T3).
    arguments = f'{{"before": {int(before)}, "after": {int(after)}}}'
    return {
        "index": place,
        "id": f"call_{place}_{name}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


class Model:
    """The provider in a thread of its own: `with Model() as model: model.url`. `plays` says what it answers."""

    def __init__(self, plays: Answer = answer) -> None:
        self._plays = strict("openai-chat", plays)
        self.refused: list[str] = []
        self.requests = 0
        #: When each request came (ms since the Unix epoch), and its tagged messages in their order.
        self.asked: list[Asked] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._provider = Provider(self._judged)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="model")

    def _judged(self, path: str, body: Json) -> Any:
        self.requests += 1
        if (found := refusal("openai-chat", body)) is not None:
            self.refused.append(found.text)
        said = (_text(message) for message in body["messages"] if message["role"] == "user")
        tags = tuple(tag for text in said for tag in TAG.findall(text))
        self.asked.append((time.time_ns() // 1_000_000, tags))
        self._provider.requests.clear()
        return self._plays(path, body)

    def __enter__(self) -> Model:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._provider.__aenter__(), self._loop).result(10)
        self.url = self._provider.url
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._provider.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
