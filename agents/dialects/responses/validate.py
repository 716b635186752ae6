"""The gate before every Responses request. As the other gates it is written from the rules, not from the renderer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.dialects.rules import Violation, arguments, function_name, held, image, tools_declared
from agents.providers.base import Profile


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    return held(_rules(body, profile))


def _rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    yield from _items(body, profile)
    yield from _order(body["input"], profile)
    yield from tools_declared(body)


def _items(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    items = body.get("input")
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        yield Violation("V11", "input", "there are no items")
        return
    if body.get("store") is not False or "previous_response_id" in body:
        yield Violation("V15", "body", "the request is not stateless")
    yield from _response_pairs(items)
    kinds = [_kind(item) for item in items]
    if kinds[0] != "user":
        yield Violation("V11", "input[0]", f"opens with {kinds[0]}")
    if kinds[-1] not in ("user", "function_call_output"):
        yield Violation("V11", "the end", f"ends on {kinds[-1]}")
    server_ids: set[Any] = set()
    for place, item in enumerate(items):
        where, kind = f"input[{place}]", kinds[place]
        following = kinds[place + 1] if place + 1 < len(items) else ""
        if kind == "reasoning":
            if following not in ("reasoning", "assistant", "function_call"):
                yield Violation("V13", where, "reasoning without the item that it produced")
            if not item.get("encrypted_content"):
                yield Violation("V14", where, "reasoning without its encrypted content")
        if kind in ("user", "assistant", "system"):
            yield from _response_text(where, item, kind == "user" and profile.sees(str(body.get("model"))))
        if kind == "function_call":
            yield from function_name(where, item.get("name"))
            yield from arguments(where, item.get("arguments"))
        if kind == "function_call_output" and not (
            isinstance(item.get("output"), str) and item["output"].strip()
        ):
            yield Violation("V9", where, "an output that is no non-empty string")
        yield from _server_id(where, kind, item, items[:place], server_ids)


def _order(items: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    """Behind this API, too, a chat template may decide what may follow what."""
    before = ""
    for place, item in enumerate(items):
        where, kind = f"input[{place}]", _kind(item)
        if not isinstance(item.get("type"), str):
            yield Violation("V9", where, "an item that does not say what it is")
        if profile.bridge and (before, kind) == ("function_call_output", "user"):
            yield Violation("V8", where, "user message directly after an output")
        if profile.alternates and before == kind and kind in ("user", "assistant"):
            yield Violation("V11", where, f"two {kind} messages in a row")
        before = kind


def _kind(item: Mapping[str, Any]) -> str:
    kind = item.get("type", "message")
    return str(item["role"] if kind == "message" else kind)


def _response_pairs(items: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    waiting: list[Any] = []
    seen: set[Any] = set()
    done: set[Any] = set()
    for place, item in enumerate(items):
        where, kind = f"input[{place}]", _kind(item)
        id = item.get("call_id")
        if kind in ("function_call", "function_call_output"):
            if not isinstance(id, str) or id.strip() in ("", "null", "undefined", "None"):
                yield Violation("V5", where, f"call_id {id!r}")
            elif not re.fullmatch(r"[A-Za-z0-9]{9}", id):
                yield Violation("V6", where, f"call_id {id!r}")
        if kind == "function_call":
            if id in seen:
                yield Violation("V4", where, f"call_id {id!r} is used twice")
            seen.add(id)
            waiting.append(id)
        elif kind == "function_call_output":
            if id in done:
                yield Violation("V4", where, f"second output for {id!r}")
            elif id not in waiting:
                yield Violation("V2", where, f"output {id!r} without a call")
            else:
                if waiting[0] != id:
                    yield Violation("V7", where, f"output {id!r} before that of {waiting[0]!r}")
                waiting.remove(id)
            done.add(id)
        elif waiting and kind in ("user", "system", "assistant"):
            late = any(later.get("call_id") in waiting for later in items[place:])
            yield Violation("V3" if late else "V1", where, f"{kind} before the outputs of {waiting!r}")
            waiting = []
    if waiting:
        yield Violation("V1", "the end", f"no outputs of {waiting!r}")


def _response_text(where: str, item: Mapping[str, Any], sees: bool) -> Iterator[Violation]:
    content = item.get("content")
    parts = [{"text": content}] if isinstance(content, str) else list(content or ())
    if not parts or any(not str(part.get("text", "-")).strip() for part in parts):
        yield Violation("V9", where, "empty text")
    for part in parts:
        if part.get("type") == "input_image":
            yield from image(where, part.get("image_url"), sees)
        elif part.get("type", "input_text") != (
            "output_text" if _kind(item) == "assistant" else "input_text"
        ):
            if part is not parts[0] or not isinstance(content, str):
                yield Violation("V9", where, f"a part of the type {part.get('type')!r}")


def _server_id(
    where: str, kind: str, item: Mapping[str, Any], before: Sequence[Mapping[str, Any]], seen: set[Any]
) -> Iterator[Violation]:
    id = item.get("id")
    if id is None:
        if kind == "reasoning":
            yield Violation("V13", where, "reasoning without its id")
        return
    prefixes = {"function_call": "fc_", "reasoning": "rs_", "assistant": "msg_"}
    prefix = prefixes.get(kind)
    if prefix is None or not str(id).startswith(prefix) or len(str(id)) > 64:
        yield Violation("V15", where, f"item id {id!r}")
    if id in seen:
        yield Violation("V4", where, f"item id {id!r} is used twice")
    seen.add(id)
    if kind in ("function_call", "assistant"):
        for earlier in reversed(before):
            if _kind(earlier) == "reasoning":
                return
            if earlier.get("id") is None:
                break
        yield Violation("V13", where, "a server id without the reasoning it belongs to")
