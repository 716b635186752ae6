"""The gate before every Anthropic Messages request. As the other gates it is written from the rules, not from the
renderer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.dialects.rules import Violation, function_name, held, plain_object, plain_text, tools_declared
from agents.providers.base import Profile

_FIELDS = {"model", "max_tokens", "messages", "system", "thinking", "tools"}


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    return held(_rules(body, profile))


def _rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    if unknown := sorted(body.keys() - _FIELDS):
        yield Violation("V9", "body", f"fields that are not known: {unknown}")
    limit = body.get("max_tokens")
    if type(limit) is not int or limit < 1:
        yield Violation("V9", "max_tokens", f"{limit!r}")
    messages = body.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        yield Violation("V11", "messages", "there are none")
        return
    for place, block in enumerate(body.get("system", ())):
        yield from plain_text(f"system[{place}]", block.get("text"))
    yield from tools_declared(body)
    yield from _turns(messages)
    yield from _pairs(messages, profile)
    sees = profile.sees(str(body.get("model")))
    for place, message in enumerate(messages):
        for number, block in enumerate(message["content"]):
            yield from _block(f"messages[{place}].content[{number}]", message["role"], block, sees)
    if body.get("tools") is None and any(block["type"] == "tool_use" for block in _blocks(messages)):
        yield Violation("V16", "tools", "calls in the history, and no tool declared")
    yield from _thinking(body, messages, limit)
    yield from _marks(body, messages)


def _blocks(messages: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        yield from message["content"]


def _turns(messages: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    before = ""
    for place, message in enumerate(messages):
        where, role = f"messages[{place}]", message["role"]
        if role not in ("user", "assistant"):
            yield Violation("V8", where, f"role {role!r}")
        if role == before or (place == 0 and role != "user"):
            yield Violation("V11", where, f"{role} after {before or 'nothing'}")
        if not isinstance(message["content"], list) or not message["content"]:
            yield Violation("V9", where, "a turn without content")
        before = role
    if before != "user":
        yield Violation("V11", "the end", f"ends on {before}")


def _pairs(messages: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    """Results lead the turn behind the calls, each call's once, in the order of the calls; where a line must stand
    behind them, they are the whole turn."""
    asked: list[Any] = []
    seen: set[Any] = set()
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        kinds = [block["type"] for block in message["content"]]
        came = [block.get("tool_use_id") for block in message["content"] if block["type"] == "tool_result"]
        if lost := [id for id in asked if id not in came]:
            yield Violation("V1", where, f"no results of {lost!r}")
        if stray := [id for id in came if id not in asked]:
            yield Violation("V2", where, f"results {stray!r} without a call in the turn before")
        if len(set(came)) < len(came):
            yield Violation("V4", where, "a second result for one call")
        if kinds[: len(came)] != ["tool_result"] * len(came):
            yield Violation("V3", where, "something stands before the results")
        if profile.bridge and came and len(kinds) > len(came):
            yield Violation("V8", where, "a message in the turn of the results")
        if not lost and not stray and came != asked:
            yield Violation("V7", where, "results are not in the order of the calls")
        if message["role"] == "user" and "tool_use" in kinds:
            yield Violation("V2", where, "a call of the user")
        asked = [block.get("id") for block in message["content"] if block["type"] == "tool_use"]
        for id in asked:
            if not isinstance(id, str) or id.strip() in ("", "null", "undefined", "None"):
                yield Violation("V5", where, f"call id {id!r}")
            elif not re.fullmatch(r"[A-Za-z0-9]{9}", id):
                yield Violation("V6", where, f"call id {id!r}")
            if id in seen:
                yield Violation("V4", where, f"call id {id!r} is used twice")
            seen.add(id)
    if asked:
        yield Violation("V1", "the end", f"no results of {asked!r}")


def _block(where: str, role: str, block: Mapping[str, Any], sees: bool) -> Iterator[Violation]:
    match block["type"]:
        case "text":
            yield from plain_text(where, block.get("text"))
        case "image":
            source = block["source"]
            if not sees:
                yield Violation("V9", where, "an image for a model that cannot see")
            kinds = ("image/png", "image/jpeg", "image/webp", "image/gif")
            if role != "user" or source.get("type") != "base64" or source.get("media_type") not in kinds:
                yield Violation("V9", where, "an image that is no picture in base64 from a user")
            if not re.match(r"[A-Za-z0-9+/]", str(source.get("data"))):
                yield Violation("V9", where, "an image without data")
        case "tool_use":
            yield from function_name(where, block.get("name"))
            yield from plain_object(where, block.get("input"))
        case "tool_result":
            yield from plain_text(where, block.get("content"))
        case "thinking":
            if (
                role != "assistant"
                or not isinstance(block.get("thinking"), str)
                or not block.get("signature")
            ):
                yield Violation("V14", where, "thinking that is not its issuer's whole block")
        case "redacted_thinking":
            if role != "assistant" or not block.get("data"):
                yield Violation("V14", where, "redacted thinking without its data")
        case kind:
            yield Violation("V9", where, f"a block of the type {kind!r}")


def _thinking(
    body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], limit: Any
) -> Iterator[Violation]:
    """V12 where there is a budget: the latest calls begin with what was thought about them. V13: no thought without
    what it led to."""
    for place, message in enumerate(messages):
        if message["role"] == "assistant" and message["content"][-1]["type"] in (
            "thinking",
            "redacted_thinking",
        ):
            yield Violation("V13", f"messages[{place}]", "ends with a thought")
    asked = body.get("thinking")
    if asked is None or asked.get("type") == "adaptive":
        return
    if asked.get("type") != "enabled" or not 1_024 <= asked.get("budget_tokens", 0) < limit:
        yield Violation("V9", "thinking", f"{asked!r}")
    for place in range(len(messages) - 1, -1, -1):
        kinds = [block["type"] for block in messages[place]["content"]]
        if messages[place]["role"] == "assistant":
            if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                yield Violation(
                    "V12", f"messages[{place}]", "the latest calls do not begin with their thinking"
                )
            return


def _marks(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    blocks = [*body.get("tools", ()), *body.get("system", ()), *_blocks(messages)]
    marked = [block for block in blocks if "cache_control" in block]
    if len(marked) > 4:
        yield Violation("V9", "cache_control", f"{len(marked)} marks; four are taken")
    if any(block.get("type") in ("thinking", "redacted_thinking") for block in marked):
        yield Violation("V9", "cache_control", "a mark at a thought")
