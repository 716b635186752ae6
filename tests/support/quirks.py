"""The stream quirks Q1 to Q30 as what comes over the wire, and what must be understood from it.

A `Quirk` holds the JSON of each server-sent event. `calls` are the names and arguments that a reader must end up
with; `states` says which of them may be executed (`ok`) and which not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Chunk = dict[str, Any]
A = '{"city": "Paris"}'
B = '{"city": "Rome"}'


@dataclass(frozen=True)
class Quirk:
    """One way in which a provider streams. `ending`: what follows the chunks on the wire."""

    chunks: tuple[Chunk, ...]
    calls: tuple[tuple[str, str], ...]
    states: tuple[str, ...] = ()
    text: str = ""
    finish: str = "tool_calls"
    #: `done`: the usual `[DONE]`; `silent`: the stream just ends; `cut`: the connection breaks; `error`: an
    #: error object instead of a chunk.
    ending: str = "done"

    def expected_states(self) -> tuple[str, ...]:
        return self.states or ("ok",) * len(self.calls)


def chunk(*calls: dict[str, Any], text: str | None = None, finish: str | None = None) -> Chunk:
    delta: dict[str, Any] = {"content": text}
    if calls:
        delta["tool_calls"] = list(calls)
    return {
        "id": "x",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def piece(
    index: int | None = None, id: Any = None, name: Any = None, arguments: Any = None
) -> dict[str, Any]:
    """One entry of `tool_calls`; what is None is left out."""
    call: dict[str, Any] = {"type": "function", "function": {}}
    if index is not None:
        call["index"] = index
    if id is not None:
        call["id"] = id
    if name is not None:
        call["function"]["name"] = name
    if arguments is not None:
        call["function"]["arguments"] = arguments
    return call


def stream(
    *entries: dict[str, Any] | tuple[dict[str, Any], ...], finish: str | None = "tool_calls"
) -> tuple[Chunk, ...]:
    """A chunk for each entry (a tuple of entries shares one), and the finishing chunk."""
    chunks = [chunk(*(entry if isinstance(entry, tuple) else (entry,))) for entry in entries]
    return (*chunks, chunk(finish=finish)) if finish else tuple(chunks)


TWO = (("weather", A), ("time", B))
SAME = (("weather", A), ("weather", B))
ONE = (("weather", A),)

QUIRKS: dict[str, Quirk] = {
    "Q1": Quirk(
        stream(
            piece(0, "a", "weather", ""),
            piece(1, "b", "time", ""),
            piece(0, arguments=A[:7]),
            piece(1, arguments=B[:5]),
            piece(0, arguments=A[7:]),
            piece(1, arguments=B[5:]),
        ),
        TWO,
    ),
    "Q2": Quirk(
        stream(piece(0, "a", "weather", ""), piece(0, "a", arguments=A[:5]), piece(0, "a", arguments=A[5:])),
        ONE,
    ),
    "Q3": Quirk(
        stream(
            piece(0, "a", "weather", ""),
            {**piece(0, "", arguments=A[:5]), "function": {"name": None, "arguments": A[:5]}},
            piece(0, "", "", A[5:]),
        ),
        ONE,
    ),
    "Q4": Quirk(stream(piece(None, "a", "weather", A), piece(None, "b", "time", B)), TWO),
    "Q5": Quirk(stream((piece(None, "a", "weather", A), piece(None, "b", "time", B))), TWO),
    "Q6": Quirk(
        stream(
            piece(None, "a", "weather", ""),
            piece(arguments=A[:6]),
            piece(arguments=A[6:]),
            piece(None, "b", "time", ""),
            piece(arguments=B[:6]),
            piece(arguments=B[6:]),
        ),
        TWO,
    ),
    "Q7": Quirk(stream(piece(0, "a", "weather", A), piece(0, "b", "time", B)), TWO),
    "Q8": Quirk(
        stream(
            piece(0, "a", "weather", ""),
            piece(0, arguments=A[:6]),
            piece(0, arguments=A[6:]),
            piece(0, "b", "time", ""),
            piece(0, arguments=B[:6]),
            piece(0, arguments=B[6:]),
        ),
        TWO,
    ),
    "Q9": Quirk(stream(piece(0, "a", "weather", A[:6]), piece(0, "a", "weather", A[6:])), ONE),
    "Q10": Quirk(stream(piece(0, "a", "wea"), piece(0, None, "ther"), piece(0, arguments=A)), ONE),
    "Q11": Quirk(stream(piece(0, "a"), piece(0, arguments=A[:5]), piece(0, None, "weather", A[5:])), ONE),
    "Q12": Quirk(stream(piece(0, None, "weather", A), piece(1, None, "time", B)), TWO),
    "Q13": Quirk(stream(piece(0, "", "weather", A), piece(1, "", "time", B)), TWO),
    "Q14": Quirk(stream(piece(0, "a", "weather", A), piece(1, "a", "time", B)), TWO),
    "Q15": Quirk(stream(piece(0, "a", "weather", A), finish="stop"), ONE, finish="stop"),
    "Q16": Quirk(
        stream(piece(0, "a", "weather", A), piece(1, "b", "time", B[:8]), finish="length"),
        (("weather", A), ("time", B[:8])),
        ("ok", "truncated"),
        finish="length",
    ),
    "Q17": Quirk(
        stream(piece(0, "a", "weather"), piece(1, "b", "time", "")),
        (("weather", "{}"), ("time", "{}")),
        ("empty", "empty"),
    ),
    "Q18": Quirk(
        stream(piece(0, "a", "weather", "{}"), piece(0, arguments=A[:4]), piece(0, arguments=A[4:])), ONE
    ),
    "Q19": Quirk(stream(piece(1, "a", "weather", ""), piece(1, arguments=A)), ONE),
    "Q20": Quirk(stream(piece(0, "a", "weather", A[:6]), piece(1, arguments=A[6:])), ONE),
    "Q21": Quirk(
        stream(
            piece(0, "a", "weather", ""),
            piece(0, arguments=A[:9]),
            piece(0, arguments=A[9:]),
            piece(0, "a", "weather", A),
        ),
        ONE,
    ),
    "Q22": Quirk(stream(piece(0, "a", "weather", json.loads(A))), ONE),
    "Q23": Quirk(stream(piece(0, None, "weather", A), piece(0, None, "time", B)), TWO),
    "Q24": Quirk(stream(piece(0, None, "weather", A), piece(0, None, "weather", B)), SAME),
    "Q25": Quirk(stream(piece(None, None, "weather", A), piece(None, None, "time", B)), TWO),
    "Q26": Quirk(stream(piece(0, "a", "weather", A), piece(0, arguments=B)), SAME),
    "Q27": Quirk(
        stream(
            piece(0, "a", "weather", A[:3]),
            piece(0, None, "weather", A[3:9]),
            piece(0, None, "weather", A[9:]),
        ),
        ONE,
    ),
    "Q28": Quirk(
        (
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
            *stream(piece(0, "a", "weather", A)),
            {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
        ),
        ONE,
    ),
    "Q29": Quirk(
        (
            {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}]},
            *stream(piece(0, "a", "weather", A)),
            {"choices": [{"index": 0, "finish_reason": None, "content_filter_results": {}, "delta": None}]},
        ),
        ONE,
    ),
    "Q30": Quirk(stream(piece(0, "a", "weather", A)), ONE, ending="silent"),
    "Q30 cut": Quirk(
        stream(piece(0, "a", "weather", A), finish=None), ONE, ("truncated",), finish="", ending="cut"
    ),
    "Q30 error": Quirk((chunk(text="Well"),), (), text="Well", finish="", ending="error"),
    # Combinations of our own.
    "objects and no index": Quirk(
        stream((piece(None, None, "weather", json.loads(A)), piece(None, None, "time", json.loads(B)))), TWO
    ),
    "index 0, ids in every fragment, interleaved": Quirk(
        stream(piece(0, "a", "weather", A[:4]), piece(0, "b", "time", B[:4]), piece(0, "b", arguments=B[4:])),
        (("weather", A[:4]), ("time", B)),
        ("malformed", "ok"),
    ),
    "index from 1 and a call sent again": Quirk(
        stream(piece(1, "a", "weather", A), piece(2, "b", "time", B), piece(2, "b", "time", B)), TWO
    ),
    "a call sent again in fragments": Quirk(
        stream(piece(0, "a", "weather", A), piece(0, arguments=A[:6]), piece(0, arguments=A[6:])), ONE
    ),
    "two objects in one fragment": Quirk(stream(piece(0, "a", "weather", A + B)), SAME),
    "an empty object before each of two": Quirk(
        stream(
            piece(0, "a", "weather", "{}"),
            piece(0, arguments=A),
            piece(1, "b", "time", "{}"),
            piece(1, arguments=B),
        ),
        TWO,
    ),
    "braces and quotes within strings": Quirk(
        stream(
            piece(0, "a", "note", '{"text": "}{ \\"'), piece(0, arguments='\\\\ }"'), piece(0, arguments="}")
        ),
        (("note", '{"text": "}{ \\"\\\\ }"}'),),
    ),
    "null for everything": Quirk(
        stream(
            piece(0, "a", "weather", ""),
            {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": None}},
            piece(0, arguments=A),
            {"index": 0, "function": None},
        ),
        ONE,
    ),
    "the old function_call": Quirk(
        (
            {"choices": [{"delta": {"function_call": {"name": "weather", "arguments": A[:6]}}}]},
            {
                "choices": [
                    {"delta": {"function_call": {"arguments": A[6:]}}, "finish_reason": "function_call"}
                ]
            },
        ),
        ONE,
        finish="function_call",
    ),
    "one whole message instead of deltas": Quirk(
        (
            {
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": "Look.",
                            "tool_calls": [piece(None, "a", "weather", A)],
                        },
                        "finish_reason": "tool_calls",
                    }
                ]
            },
        ),
        ONE,
        text="Look.",
    ),
    "content in typed parts": Quirk(
        (
            {
                "choices": [
                    {
                        "delta": {
                            "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
                        }
                    }
                ]
            },
            {
                "choices": [
                    {"delta": {"content": [{"type": "text", "text": "Rome."}]}, "finish_reason": "stop"}
                ]
            },
        ),
        (),
        text="Rome.",
        finish="stop",
    ),
    "an emoji split between two chunks": Quirk(
        (chunk(text="a\ud83d"), chunk(text="\ude42b"), chunk(finish="stop")), (), text="a🙂b", finish="stop"
    ),
    "no arguments but a name twice, no ids": Quirk(
        stream(piece(0, None, "weather", ""), piece(0, None, "weather", "")), (("weather", "{}"),), ("empty",)
    ),
    "arguments as JSON within JSON": Quirk(stream(piece(0, "a", "weather", json.dumps(A))), ONE),
    "arguments that are a list": Quirk(
        stream(piece(0, "a", "weather", "[1]")), (("weather", "[1]"),), ("malformed",)
    ),
    "arguments with NaN": Quirk(
        stream(piece(0, "a", "weather", '{"x": NaN}')), (("weather", '{"x": NaN}'),), ("malformed",)
    ),
    "a brace too many": Quirk(
        stream(piece(0, "a", "weather", A + "}")), (("weather", A + "}"),), ("malformed",)
    ),
    "a call without a name": Quirk(stream(piece(0, "a", None, A), piece(1, "b", "time", B)), (("time", B),)),
}


def sse(quirk: Quirk) -> bytes:
    """The quirk as the body of an event stream, up to where it ends."""
    lines = [f"data: {json.dumps(one)}\n\n" for one in quirk.chunks]
    if quirk.ending == "error":
        lines.append('data: {"error": {"message": "The server is overloaded", "type": "server_error"}}\n\n')
    elif quirk.ending == "done":
        lines.append("data: [DONE]\n\n")
    return "".join(lines).encode()
