"""What the demo model says: a pure function from the messages and tools of a request to a plan.

It is a script, not a model: it looks for a few kinds of requests in the messages that have no answer yet, calls
the tools that they need, and once it has the results it writes them up. English and Chinese.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo import texts
from demo.files import described, without_files
from demo.requests import AskedFor, find
from demo.rules import text_of


@dataclass(frozen=True)
class PlannedCall:
    """A tool call that the model asks for."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class AnswerPlan:
    """One model response: its text (may be empty beside calls) and its ordered calls."""

    text: str
    calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True)
class _Done:
    """A call of the current turn, with its place in it and its result."""

    place: int
    call: PlannedCall
    result: str


def decide(messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None = None) -> AnswerPlan:
    """What to answer to a request that `rules.check` has let pass.

    Whatever stands after the last finished answer is to be answered now: one message or several, and the
    results of the calls that were made for them so far. A call answers only what was asked before it.
    """
    known = {tool["function"]["name"] for tool in tools or ()}
    turn = _current_turn(messages)
    done = _done(turn)
    chinese = False
    spoken: list[AskedFor] = []
    open_calls: list[PlannedCall] = []
    seen: list[str] = []
    for place, message in enumerate(turn):
        if message["role"] != "user":
            continue
        said, files = without_files(message["content"])
        chinese = texts.is_chinese(said)
        seen += [attached for attached in described(files, chinese) if attached not in seen]
        made = [one.call for one in done if one.place > place]
        for request in find(said):
            call = PlannedCall(request.tool, dict(request.arguments))
            if not request.tool and request not in spoken:
                spoken.append(request)
            elif request.tool and call not in made and call not in open_calls:
                open_calls.append(call)
    calls = tuple(call for call in open_calls if call.name in known)
    if calls:
        return AnswerPlan(texts.before_calls([call.name for call in calls], chinese), calls)
    pieces = [texts.result(one.call.name, one.call.arguments, one.result, chinese) for one in done]
    pieces += [texts.no_such_tool(call.name, chinese) for call in open_calls]
    pieces += [_said(request, chinese) for request in spoken]
    pieces += seen
    return AnswerPlan("\n\n".join(dict.fromkeys(pieces)) or texts.unknown(chinese))


def _current_turn(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages since the last answer that asked for no tool."""
    start = 0
    for place, message in enumerate(messages):
        if message["role"] == "assistant" and not message.get("tool_calls"):
            start = place + 1
    return list(messages[start:])


def _done(turn: Sequence[dict[str, Any]]) -> list[_Done]:
    """The calls of the turn, each with its result."""
    results = {m["tool_call_id"]: text_of(m["content"]) for m in turn if m["role"] == "tool"}
    return [
        _Done(
            place,
            PlannedCall(call["function"]["name"], json.loads(call["function"]["arguments"])),
            results[call["id"]],
        )
        for place, message in enumerate(turn)
        for call in message.get("tool_calls") or ()
    ]


def _said(request: AskedFor, chinese: bool) -> str:
    return texts.long_text(request.topic, chinese) if request.kind == "long" else texts.greeting(chinese)
