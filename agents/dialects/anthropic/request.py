"""A history as the body of an Anthropic Messages request.

Results come back in a user's message, directly behind the assistant's that asked for them. Thinking goes back signed
as it came, in its place, and only to the model that wrote it (rule V14); it is asked for only where the API takes the
request with it (rule V12).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from agents.dialects.anthropic import models
from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.calls import arguments_object, function_name, stub, wire_id
from agents.transcript.layout import GO_ON, Form, lay_out
from agents.transcript.room import Message, ModelSettings, Room, own_replay
from agents.transcript.textonly import TextOnly
from agents.transcript.wording import clean, result, step_text

#: Whatever stands up to a block with this mark is kept by the provider for the next request. At most four.
CACHED = {"type": "ephemeral"}
_THOUGHT = ("thinking", "redacted_thinking")

Block = dict[str, Any]


class MessagesForm:
    """Steps as pseudo-messages whose `turns` are the dialect's own messages."""

    def line(self, text: str, profile: Profile) -> Message:
        """An assistant message."""
        return {"role": "assistant", "content": text}

    def step(self, step: Step, room: Room) -> list[Message]:
        """The assistant's turn and, with calls, the turn with their results."""
        return _step(step, room)


FORM: Form = MessagesForm()


def render(
    history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
) -> dict[str, Any]:
    """The body of a Messages request, without `stream`."""
    # How turns alternate is this dialect's own affair. That a line stands between results and a message is not: servers
    # of one's own hand a turn with both on to a template, and llama.cpp the words ahead of the results.
    profile = replace(profile, alternates=False, vision="" if text_only else profile.vision)
    turns = _turns(lay_out(history, profile, ask, TextOnly(FORM) if text_only else FORM))
    thinking = models.thinking(ask.model) if profile.thinks and ask.options else None
    if thinking is not None and thinking["type"] == "enabled" and not _thought_about(turns):
        thinking = None
        for turn in turns:
            turn["content"] = [block for block in turn["content"] if block["type"] not in _THOUGHT]
    sent: dict[str, Any] = {"model": ask.model, "max_tokens": models.max_tokens(ask.model)}
    if thinking is not None:
        sent["thinking"] = thinking
    if ask.prompt.strip():
        sent["system"] = [{"type": "text", "text": clean(ask.prompt)}]
    if tools := _tools(ask, turns):
        sent["tools"] = tools
    sent["messages"] = turns
    if ask.options:
        _mark(sent)
    return sent


def _turns(messages: Iterable[Message]) -> list[Message]:
    """Messages of the layout as turns that alternate."""
    turns: list[Message] = []
    for message in messages:
        for turn in message.get("turns") or [
            {"role": message["role"], "content": _blocks(message["content"])}
        ]:
            before = turns[-1]["role"] if turns else ""
            if before == turn["role"] == "user":
                turns[-1]["content"] += turn["content"]
                continue
            if before == turn["role"]:
                turns.append({"role": "user", "content": _blocks(GO_ON)})
            turns.append(turn)
    return turns


def _blocks(content: str | Sequence[Mapping[str, Any]]) -> list[Block]:
    """Content of the layout as blocks: pictures have another form here."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [
        {"type": "text", "text": part["text"]}
        if part["type"] == "text"
        else _picture(part["image_url"]["url"])
        for part in content
    ]


def _picture(url: str) -> Block:
    head, _, data = url.partition(";base64,")
    source = {"type": "base64", "media_type": head.removeprefix("data:"), "data": data}
    return {"type": "image", "source": source}


def _step(step: Step, room: Room) -> list[Message]:
    text = step_text(step)
    ids = [wire_id(call, room) for call in step.calls] if step.committed else []
    if not text and not ids:
        return []
    asked: list[Block] = [
        {
            "type": "tool_use",
            "id": id,
            "name": function_name(call.name),
            "input": arguments_object(call, room),
        }
        for id, call in zip(ids, step.calls, strict=False)
    ]
    turns = [
        {
            "role": "assistant",
            "content": _with_thinking(step, text, asked, own_replay(step, room).get("items")),
        }
    ]
    if ids:
        share = room.result_tokens // len(ids)
        results: list[Block] = [
            {"type": "tool_result", "tool_use_id": id, "content": result(call, share)}
            | ({"is_error": True} if call.status == "failed" else {})
            for id, call in zip(ids, step.calls, strict=True)
        ]
        turns.append({"role": "user", "content": results})
    return [{"role": "tool" if ids else "assistant", "turns": turns}]


def _with_thinking(step: Step, text: str, asked: list[Block], kept: Any) -> list[Block]:
    """The step's blocks in the order in which they came, its thinking among them; without it if what was kept (see
    `stream.py`) does not fit the step."""
    plain = [*_blocks(text), *asked] if text else list(asked)
    if not isinstance(kept, Sequence) or step.status != "finished":
        return plain
    kept = [item if isinstance(item, Mapping) else {} for item in kept]
    texts = _split(text, [item.get("length") for item in kept if item.get("type") == "text"])
    blocks: list[Block] = []
    spoken, calls = iter(texts or ()), iter(asked)
    for item in kept:
        block: Block | None = None
        match item.get("type"):
            case "thinking" if item.get("signature") and isinstance(item.get("thinking"), str):
                block = {name: item[name] for name in ("type", "thinking", "signature")}
            case "redacted_thinking" if item.get("data"):
                block = {name: item[name] for name in ("type", "data")}
            case "text":
                said = next(spoken, None)
                if said is not None and not said.strip():
                    continue
                block = None if said is None else {"type": "text", "text": said}
            case "tool_use":
                block = next(calls, None)
        if block is None:
            return plain
        blocks.append(block)
    whole = texts is not None and next(spoken, None) is None and next(calls, None) is None
    ends = blocks[-1]["type"] if blocks else ""
    ordered = all(
        later["type"] == "tool_use" or before["type"] != "tool_use" for before, later in pairwise(blocks)
    )
    return blocks if whole and ordered and ends not in ("", *_THOUGHT) else plain


def _split(text: str, lengths: list[Any]) -> list[str] | None:
    """A step's text as the blocks that it came in; None if it is not what came."""
    if not lengths:
        return None if text else []
    if len(lengths) == 1:
        return [text] if text else None
    if not all(type(length) is int and length > 0 for length in lengths) or sum(lengths) != len(text):
        return None
    pieces, place = [], 0
    for length in lengths:
        pieces.append(text[place : place + length])
        place += length
    return pieces


def _thought_about(turns: Sequence[Message]) -> bool:
    """Whether the API takes a thinking budget with these turns: not while the model is in the midst of calls that it
    did not think about (another model's, or of before), because such a turn must begin with its thinking."""
    spoken = (turn["content"] for turn in reversed(turns) if turn["role"] == "assistant")
    last: list[Block] = next(spoken, [])
    return last == [] or last[0]["type"] in _THOUGHT or all(block["type"] != "tool_use" for block in last)


def _tools(ask: ModelSettings, turns: Sequence[Message]) -> list[dict[str, Any]]:
    """The declared tools; those of the history where none is declared, because the API wants some beside calls."""
    called = {block["name"] for turn in turns for block in turn["content"] if block["type"] == "tool_use"}
    functions = [tool["function"] for tool in ask.tools or [stub(name) for name in sorted(called)]]
    return [
        {
            "name": function["name"],
            "description": function.get("description", ""),
            "input_schema": function["parameters"],
        }
        for function in functions
    ]


def _mark(sent: dict[str, Any]) -> None:
    """Mark what the next request will begin with: tools and instructions, and the turns up to this one and to the one
    before, where this request's own cache was left."""
    fixed = sent.get("system") or sent.get("tools") or []
    spoken = [turn["content"] for turn in sent["messages"] if turn["role"] == "user"]
    for blocks in (fixed, *spoken[-2:]):
        if blocks:
            blocks[-1] = {**blocks[-1], "cache_control": CACHED}
