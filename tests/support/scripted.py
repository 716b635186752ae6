"""A model that plays a script: a real object behind the Model protocol, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from agents.dialects.base import CallDelta, Delta, FinishDelta, TextDelta
from agents.errors import ModelError


class Pause:
    """Waits in the middle of a response until it is released (or cancelled)."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = False

    async def hold(self) -> None:
        self.reached.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


Line = Delta | Pause | ModelError


def says(text: str) -> list[Line]:
    """An answer in one piece."""
    return [TextDelta(text), FinishDelta("stop")]


def asks(*calls: tuple[str, str], text: str = "") -> list[Line]:
    """An answer that asks for these (tool, arguments)."""
    spoken: list[Line] = [TextDelta(text)] if text else []
    deltas: list[Line] = [
        CallDelta(index, f"id{index}", name, arguments) for index, (name, arguments) in enumerate(calls)
    ]
    return [*spoken, *deltas, FinishDelta("tool_calls")]


class ScriptedModel:
    """Plays one response after the other, and the last one for ever. `bodies` are the requests it got."""

    def __init__(self, *responses: Sequence[Line]) -> None:
        self.responses = list(responses)
        self.bodies: list[Mapping[str, Any]] = []
        self.closed = 0

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Delta, None]:
        self.bodies.append(body)
        response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        try:
            for line in response:
                if isinstance(line, ModelError):
                    raise line
                if isinstance(line, Pause):
                    await line.hold()
                else:
                    yield line
        finally:
            self.closed += 1
