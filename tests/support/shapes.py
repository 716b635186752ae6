"""Streams as servers really send them: each shape as it comes over the wire, and what must become of it.

Kinds C and R are described by people in public threads (docs/streams.md names them); the frames are written anew. A
`Shape` is what a server answers to every request of a run until it is given the result of a call; `sees` is what the
person in front of the chat sees, and a line of the table in docs/streams.md. `python -m tests.support.shapes`
prints it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.provider import Json, Reply

A = '{"word": "a"}'


@dataclass(frozen=True)
class Shape:
    """One way to answer. `ran`: the words that the effectful tool `write` ran with, in order. `code` and `detail` are
    those of a run that failed; `requests` counts what was asked of the server for its first step."""

    body: Sequence[bytes]
    sees: str
    text: str = ""
    ran: tuple[str, ...] = ()
    incomplete: str | None = None
    code: str | None = None
    detail: str = ""
    requests: int = 1
    source: str = ""
    kind: str = "text/event-stream"
    ending: Literal["clean", "cut", "hang"] = "clean"
    dialect: Literal["chat", "responses"] = "chat"
    #: Calls that came and were not run.
    refused: int = 0

    def reply(self) -> Reply:
        """The answer as the server gives it."""
        return Reply(
            pieces=list(self.body), kind=self.kind, cut=self.ending == "cut", hang=self.ending == "hang"
        )


def frame(data: Any, name: str = "") -> bytes:
    """One event."""
    head = f"event: {name}\n" if name else ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{head}data: {text}\n\n".encode()


def delta(finish: str | None = None, **fields: Any) -> Json:
    """A chunk of Chat Completions."""
    return {
        "id": "x",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": fields, "finish_reason": finish}],
    }


def say(*words: str) -> list[bytes]:
    return [frame(delta(content=word)) for word in words]


def entry(arguments: Any = A, id: str = "call_1", index: int | None = 0) -> Json:
    """A call of the tool `write`, as a delta or a message holds it."""
    call: Json = {"id": id, "type": "function", "function": {"name": "write", "arguments": arguments}}
    return call if index is None else {"index": index, **call}


def ask(*arguments: Any) -> list[bytes]:
    return [frame(delta(tool_calls=[entry(one, f"call_{n}", n)])) for n, one in enumerate(arguments or (A,))]


def end(reason: str) -> list[bytes]:
    return [frame(delta(reason))]


def whole(
    content: str | None, *calls: Json, finish: str | None = "stop", field: str = "message", **more: Any
) -> Json:
    """A completion that did not stream, or the last frame of one that did."""
    message: Json = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = list(calls)
    return {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, field: message, "finish_reason": finish}],
        **more,
    }


def body(value: Any) -> list[bytes]:
    return [json.dumps(value).encode()]


DONE = [b"data: [DONE]\n\n"]
HELLO = say("Hello", " there")
FULL = [*HELLO, *end("stop"), *DONE]
ONCE = "“Hello there”, once"
JSON = "application/json"


def message(text: str, id: str | None = "msg_1") -> Json:
    item: Json = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    return item if id is None else {"id": id, **item}


def function(arguments: str = A, id: str | None = "fc_1", call_id: str = "call_1", **more: Any) -> Json:
    item: Json = {
        "type": "function_call",
        "call_id": call_id,
        "name": "write",
        "arguments": arguments,
        **more,
    }
    return item if id is None else {"id": id, **item}


THOUGHT: Json = {"type": "reasoning", "id": "rs_1", "summary": []}


def told(type: str, place: int | None = None, **fields: Any) -> bytes:
    """One event of Responses; `place` is its `output_index`."""
    where = {} if place is None else {"output_index": place}
    return frame({"type": f"response.{type}", **where, **fields}, f"response.{type}")


def added(item: Json, place: int | None = None) -> bytes:
    bare = {**item, "content": []} if item["type"] == "message" else {**item, "arguments": ""}
    return told("output_item.added", place, item=bare)


def done(item: Json, place: int | None = None) -> bytes:
    return told("output_item.done", place, item=item)


def over(*output: Json, kind: str = "completed", **more: Any) -> bytes:
    return told(kind, response={"object": "response", "status": kind, "output": list(output), **more})


def texts(id: str | None, *pieces: str, place: int | None = None) -> list[bytes]:
    named = {} if id is None else {"item_id": id}
    return [told("output_text.delta", place, **named, content_index=0, delta=piece) for piece in pieces]


def arguments(id: str, *pieces: str, place: int | None = None) -> list[bytes]:
    return [told("function_call_arguments.delta", place, item_id=id, delta=piece) for piece in pieces]


def responses(pieces: Sequence[bytes], sees: str, **more: Any) -> Shape:
    return Shape(pieces, sees, dialect="responses", **more)


MARKED = "marked as cut off, with “Continue”"

SHAPES: dict[str, Shape] = {
    "C1 the last frame is the whole answer": Shape(
        [*HELLO, *end("stop"), frame(whole("Hello there")), *DONE], ONCE, "Hello there",
        source="OpenBitFun#792, GoModel#1068",
    ),
    "C1 the same, as a delta": Shape(
        [*HELLO, *end("stop"), frame(whole("Hello there", field="delta")), *DONE], ONCE, "Hello there"
    ),
    "C1 the whole answer is longer than its pieces": Shape(
        [*say("Hello"), *end("stop"), frame(whole("Hello there"))], ONCE, "Hello there"
    ),
    "C1 the whole answer has no text": Shape(
        [*HELLO, *end("stop"), frame(whole(None)), *DONE], ONCE, "Hello there"
    ),
    "C2 the last frame repeats text and call": Shape(
        [*say("Look."), *ask(), *end("tool_calls"),
         frame(whole("Look.", entry(index=None), finish="tool_calls")), *DONE],
        "“Look.”, one call", "Look.", ("a",),
    ),
    "C2 the same without the call's id": Shape(
        [*say("Look."), *ask(), *end("tool_calls"),
         frame(whole("Look.", entry(id="", index=None), finish="tool_calls")), *DONE],
        "“Look.”, one call", "Look.", ("a",),
    ),
    "C2 the same with another id": Shape(
        [*ask(), *end("tool_calls"), frame(whole("", entry(id="new", index=None), finish="tool_calls")), *DONE],
        "one call", "", ("a",),
    ),
    "C3 empty data between the frames": Shape(
        [b"data:\n\n", *say("Hello"), b"data: \n\n", *say(" there"), b"data\n\n", *end("stop"), *DONE],
        ONCE, "Hello there", source="hermes-agent#111887, omnigent#1474",
    ),
    "C3 comments between the frames": Shape(
        [b": OPENROUTER PROCESSING\n\n", b":\n", *HELLO, b":\n\n", *end("stop"), *DONE], ONCE, "Hello there"
    ),
    "C4 `retry` alone": Shape(
        [b"retry: 3000\n\n", *FULL], ONCE, "Hello there", source="openai-python#2722"
    ),
    "C4 `id` alone": Shape([b"id: 7\n\n", *FULL], ONCE, "Hello there"),
    "C5 an event with a name and no data": Shape(
        [b"event: ping\n\n", *HELLO, b"event: ping\n\n", *end("stop"), *DONE], ONCE, "Hello there"
    ),
    "C5 an event of another kind": Shape(
        [frame({"type": "ping"}, "ping"), *FULL], ONCE, "Hello there"
    ),
    "C5 data that is no JSON": Shape(
        [frame("ping"), *HELLO, frame("[keep-alive]".strip("[]")), *end("stop"), *DONE], ONCE, "Hello there"
    ),
    "C5 a byte order mark, and lines that end with CR LF": Shape(
        [b"\xef\xbb\xbf" + b"".join(FULL).replace(b"\n", b"\r\n")], ONCE, "Hello there"
    ),
    "C5 lines that end with CR": Shape([b"".join(FULL).replace(b"\n", b"\r")], ONCE, "Hello there"),
    "C5 one frame in several lines of data": Shape(
        [b"data: " + json.dumps(delta(content="Hello there"), indent=1).replace("\n", "\ndata: ").encode() + b"\n\n",
         *end("stop"), *DONE],
        ONCE, "Hello there",
    ),
    "C5 no blank lines between the frames": Shape(
        [b"".join(FULL).replace(b"\n\n", b"\n")], ONCE, "Hello there"
    ),
    "C5 the same with a line separator of Unicode in a word": Shape(
        [b"".join([*say("Hello\u2028there"), *end("stop"), *DONE]).replace(b"\n\n", b"\n")],
        "“Hello there”, once", "Hello\u2028there",
    ),
    "C5 no blank line after the last frame": Shape(
        [*HELLO, end("stop")[0].rstrip(b"\n")], ONCE, "Hello there"
    ),
    "C6 one JSON text instead of a stream": Shape(
        body(whole("Hello there")), ONCE, "Hello there", kind=JSON,
        source="OmniRoute#3108, bounty-challenge#17821",
    ),
    "C6 the same, called a stream": Shape(body(whole("Hello there")), ONCE, "Hello there"),
    "C6 the same with a call": Shape(
        body(whole(None, entry(index=None), finish="tool_calls")), "one call", "", ("a",), kind=JSON
    ),
    "C6 a stream that is called JSON": Shape(FULL, ONCE, "Hello there", kind=JSON),
    "C6 JSON in lines": Shape(
        [json.dumps(one).encode() + b"\n" for one in (delta(content="Hello there"), delta("stop"))],
        ONCE, "Hello there", kind="application/x-ndjson",
    ),
    "C7 an error inside HTTP 200 (MiniMax)": Shape(
        body({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        "that the account has no credit, with the provider's words", code="model_quota",
        detail="insufficient balance", kind=JSON, source="OpenMausBot#1200",
    ),
    "C7 the same with a refused key": Shape(
        body({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail: bad token"}}),
        "that the key was refused, with the provider's words", code="model_auth", detail="login fail", kind=JSON,
    ),
    "C7 a code and a message (DashScope)": Shape(
        body({"code": "Arrearage", "message": "Access denied, your account is in arrearage", "request_id": "1"}),
        "that the account has no credit, with the provider's words", code="model_quota",
        detail="arrearage", kind=JSON,
    ),
    "C7 an error in the stream, in words alone": Shape(
        [frame({"error": "model is overloaded"})], "the provider's words, after five tries",
        code="model_busy", detail="overloaded", requests=5,
    ),
    "C7 an error with a status": Shape(
        [frame({"error": {"code": 402, "message": "Buy more credits"}})],
        "that the account has no credit, with the provider's words", code="model_quota", detail="Buy more",
    ),
    "C7 an event named error": Shape(
        [frame({"message": "Invalid model: m does not exist"}, "error")],
        "that the provider does not know the model", code="model_unknown", detail="does not exist",
    ),
    "C7 the same, of a type of its own, in the middle": Shape(
        [*say("The first half"),
         frame({"type": "server_error", "code": 503, "message": "The slot was taken away"}, "error")],
        f"“The first half”, {MARKED}, and why the run failed; after five tries", "The first half",
        code="model_busy", detail="slot was taken away", incomplete="interrupted", requests=5,
    ),
    "C7 words between the frames that are no error": Shape(
        [*say("Hello"), frame({"message": "Searching"}), *say(" there"), *end("stop"), *DONE], ONCE, "Hello there"
    ),
    "C7 a web page": Shape(
        [b"<!DOCTYPE html><html><body>Sign in</body></html>"],
        "that this is a web page, and to check the address; after five tries", code="model_error",
        detail="web page", requests=5, kind="text/html",
    ),
    "C7 an error in the middle, each time": Shape(
        [*say("The first half"), frame({"error": {"message": "upstream timeout", "code": 504}})],
        f"“The first half”, {MARKED}, and why the run failed; after five tries", "The first half",
        incomplete="interrupted", code="model_error", detail="upstream timeout", requests=5,
    ),
    "C8 a clean end in the middle, each time": Shape(
        say("The first half of", " a sent"), f"“The first half of a sent”, {MARKED}; after two tries",
        "The first half of a sent", incomplete="interrupted", requests=2, source="pi#8460, pydantic-ai#6610",
    ),
    "C8 the same in the middle of a frame": Shape(
        [*say("The first half"), end("stop")[0][:40]], f"“The first half”, {MARKED}; after two tries",
        "The first half", incomplete="interrupted", requests=2,
    ),
    "C8 the same in the middle of a call": Shape(
        [*say("Let me"), *ask(A[:6])], "“Let me”, marked as cut off, and a call that was not run; then the answer",
        "Let me", incomplete="interrupted", requests=2, refused=1,
    ),
    "C8 the same before the arguments of two calls": Shape(
        ask("", ""), "two calls that were not run; then the answer", "", incomplete="interrupted", requests=2,
        refused=2,
    ),
    "C8 the connection is lost in the middle, each time": Shape(
        say("The first half"), f"“The first half”, {MARKED}, and why the run failed; after five tries",
        "The first half", incomplete="interrupted", code="model_error", detail="connection was lost", requests=5,
        ending="cut",
    ),
    "C8 tools are announced and none comes": Shape(
        [*say("Let me look"), *end("tool_calls"), *DONE], f"“Let me look”, {MARKED}; after two tries", "Let me look",
        incomplete="interrupted", requests=2,
    ),
    "C9 no finish reason, but `[DONE]` and a complete call": Shape(
        [*ask(), *DONE], "one call", "", ("a",), source="OmniRoute#7800, pi#7062"
    ),
    "C9 the same with text": Shape([*HELLO, *DONE], ONCE, "Hello there"),
    "C9 the same with a call whose arguments did not come": Shape(
        [*ask(""), *DONE], "a call that was not run; then the answer", refused=1
    ),
    "C9 the same with half of the arguments": Shape(
        [*ask(A[:6]), *DONE], "a call that was not run; then the answer", refused=1
    ),
    "C10 cut by `length`": Shape(
        [*say("Once upon a"), *end("length"), *DONE], f"“Once upon a”, {MARKED}", "Once upon a",
        incomplete="length", source="speakr#349",
    ),
    "C10 the same in another provider's word": Shape(
        [*say("Once upon a"), *end("MAX_TOKENS"), *DONE], f"“Once upon a”, {MARKED}", "Once upon a",
        incomplete="length",
    ),
    "C10 cut by a content filter": Shape(
        [*say("Once upon a"), *end("content_filter"), *DONE],
        "“Once upon a”, marked as held back by the filter, with “Continue”", "Once upon a", incomplete="content_filter",
    ),
    "C10 a content filter held all of it back": Shape(
        [*end("sensitive"), *DONE], "that the provider's filter held the answer back", incomplete="content_filter"
    ),
    "C10 the provider broke off": Shape(
        [*say("Once upon a"), *end("network_error"), *DONE], f"“Once upon a”, {MARKED}; after two tries",
        "Once upon a", incomplete="interrupted", requests=2,
    ),
    "C10 `length` in the middle of a call": Shape(
        [*ask(A, A[:6]), *end("length"), *DONE], "one call, and one that was not run; then the answer", "", ("a",),
        incomplete="length", refused=1,
    ),
    "C11 `length` before any text": Shape(
        [frame(delta(reasoning_content="Let me think …")), *end("length"), *DONE],
        "that the limit of tokens was used up by thinking", incomplete="length_before_answer",
    ),
    "C11 the same without a word": Shape(
        [*end("length"), *DONE], "that the limit of tokens was used up by thinking",
        incomplete="length_before_answer",
    ),
    "C12 a finish reason of its own": Shape(
        [frame(delta(content="")), *end("function_call_filter: MALFORMED_FUNCTION_CALL"), *DONE],
        "that there is no answer, and the provider's word for why; after five tries", code="model_error",
        detail="MALFORMED_FUNCTION_CALL", requests=5, source="coder#28470",
    ),
    "C12 the same after text": Shape(
        [*say("Once upon a"), *end("moon_phase"), *DONE],
        "“Once upon a”, marked as ended by the provider, with “Continue”",
        "Once upon a", incomplete="other",
    ),
    "C13 the whole answer is reasoning": Shape(
        [frame(delta(reasoning_content="Hello")), frame(delta(reasoning_content=" there")), *end("stop"), *DONE],
        "the thoughts, and that there is no answer beside them", incomplete="thinking_only", source="pollinations#1895",
    ),
    "C16 the connection is lost after the finish reason": Shape(
        [*HELLO, *end("stop")], ONCE, "Hello there", ending="cut"
    ),
    "C16 the connection stays open after the finish reason": Shape(
        [*HELLO, *end("stop")], f"{ONCE}; five seconds later", "Hello there", ending="hang"
    ),
    "C16 the connection stays open after `[DONE]`": Shape(FULL, ONCE, "Hello there", ending="hang"),
    "C17 a second choice that nobody asked for": Shape(
        [*say("Hello"), frame({"choices": [{"index": 1, "delta": {"content": "Bonjour"}}]}), *say(" there"),
         *end("stop"), *DONE],
        ONCE, "Hello there",
    ),
    "R1 `output_index` counts what the output does not list": responses(
        [added(function(), 1), *arguments("fc_1", A[:5], A[5:], place=1), done(function(), 1), over(function())],
        "one call", ran=("a",), source="sglang#12644, new-api#6278",
    ),
    "R1 the same with text": responses(
        [added(message("Hello there"), 1), *texts("msg_1", "Hello", " there", place=1),
         done(message("Hello there"), 1), over(message("Hello there"))],
        ONCE, text="Hello there",
    ),
    "R1 ids that are made anew for the output": responses(
        [added(message("Hello"), 1), *texts("msg_1", "Hello", place=1), done(message("Hello"), 1),
         added(function(), 2), done(function(), 2), over(message("Hello", "msg_9"), function(id="fc_9"))],
        "“Hello”, one call", text="Hello", ran=("a",),
    ),
    "R1 no ids of items at all": responses(
        [added(function(id=None), 1), done(function(id=None), 1), over(function(id=None))], "one call", ran=("a",)
    ),
    "R1 one index for all": responses(
        [added(message("Hello"), 0), *texts("msg_1", "Hello", place=0), done(message("Hello"), 0),
         added(function(), 0), *arguments("fc_1", A, place=0), done(function(), 0), over(message("Hello"), function())],
        "“Hello”, one call", text="Hello", ran=("a",),
    ),
    "R2 no `output_index`": responses(
        [told("output_item.added", item=THOUGHT), added(message("")), *texts("msg_1", "Hello", " there"),
         done(message("Hello there")), over(THOUGHT, message("Hello there"))],
        ONCE, text="Hello there", source="llama.cpp#20607, lemonade#3607",
    ),
    "R2 the same with two calls": responses(
        [added(function(call_id="call_1")), added(function(id="fc_2", call_id="call_2")),
         *arguments("fc_1", A[:4]), *arguments("fc_2", '{"wo'), *arguments("fc_1", A[4:]),
         *arguments("fc_2", 'rd": "b"}'), over(function(), function('{"word": "b"}', "fc_2", "call_2"))],
        "two calls", ran=("a", "b"),
    ),
    "R3 arguments only in their done event": responses(
        [added(function()), told("function_call_arguments.done", item_id="fc_1", arguments=A), over()],
        "one call", ran=("a",), source="opencodex#4652",
    ),
    "R3 arguments that never came": responses(
        [added(function()), over()], "a call that was not run; then the answer", refused=1
    ),
    "R3 half of the arguments": responses(
        [added(function()), *arguments("fc_1", A[:6]), over()], "a call that was not run; then the answer", refused=1
    ),
    "R3 text only in its done event": responses(
        [added(message("")), told("output_text.done", item_id="msg_1", content_index=0, text="Hello there"), over()],
        ONCE, text="Hello there",
    ),
    "R4 one JSON text instead of a stream": responses(
        body({"id": "r", "object": "response", "status": "completed", "output": [message("Hello there")]}),
        ONCE, text="Hello there", kind=JSON, source="bano#17",
    ),
    "R4 the same, failed": responses(
        body({"object": "response", "status": "failed", "output": [], "error":
              {"code": "insufficient_quota", "message": "You exceeded your current quota"}}),
        "that the account has no credit, with the provider's words", code="model_quota",
        detail="exceeded your current quota", kind=JSON,
    ),
    "R5 ends without its last event": responses(
        [added(message("")), *texts("msg_1", "The first", " half"), done(message("The first half"))],
        f"“The first half”, {MARKED}; after two tries", text="The first half", incomplete="interrupted", requests=2,
        source="ollama#17531",
    ),
    "R5 the same with a call that is done and one that is not": responses(
        [added(function()), done(function()), added(function(id="fc_2", call_id="call_2")),
         *arguments("fc_2", '{"word": "b"')],
        "one call, and one that was not run; then the answer", ran=("a",), incomplete="interrupted", requests=2,
        refused=1,
    ),
    "R5 `[DONE]` instead of the last event": responses(
        [added(message("")), *texts("msg_1", "Hello there"), *DONE], ONCE, text="Hello there"
    ),
    "R6 the kind of an event only in its name": responses(
        [frame({"item_id": "msg_1", "delta": "Hello there"}, "response.output_text.delta"),
         frame({"response": {"output": [message("Hello there")]}}, "response.completed")],
        ONCE, text="Hello there",
    ),
    "R7 incomplete at the limit of tokens": responses(
        [added(message("")), *texts("msg_1", "Once upon a"),
         over(message("Once upon a"), kind="incomplete", incomplete_details={"reason": "max_output_tokens"})],
        f"“Once upon a”, {MARKED}", text="Once upon a", incomplete="length",
    ),
    "R7 the same before any text": responses(
        [told("output_item.added", item=THOUGHT), told("reasoning_text.delta", item_id="rs_1", delta="Let me"),
         over(THOUGHT, kind="incomplete", incomplete_details={"reason": "max_output_tokens"})],
        "that the limit of tokens was used up by thinking", incomplete="length_before_answer",
    ),
    "R8 the last event comes twice": responses(
        [added(function()), done(function()), over(function()), over(function())], "one call", ran=("a",)
    ),
}  # fmt: skip


def table() -> list[str]:
    """The lines of the table in docs/streams.md."""
    return [f"| {name} | {shape.sees}{' ¹' if shape.source else ''} |" for name, shape in SHAPES.items()]


def main() -> None:
    print("\n".join(table()))
    print()
    print("; ".join(f"{name.split()[0]}: {shape.source}" for name, shape in SHAPES.items() if shape.source))


if __name__ == "__main__":
    main()
