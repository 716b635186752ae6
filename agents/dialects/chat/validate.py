"""The gate before every request: does this body keep the rules V1 to V16 of this profile?

Written from the rules and not from the renderer, and it shares no code with it: a mistake would have to be
made twice to get out. V17 to V19 compare a request with its history and are held by tests.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.providers.base import Profile


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, as `V3`, where it is broken, and how."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.what}"


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    try:
        rules = _responses_rules if profile.dialect == "responses" else _chat_rules
        return [*rules(body, profile), *_tool_rules(body, profile)]
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, RecursionError) as error:
        return [Violation("V9", "body", f"is not of the expected form ({error})")]


# Chat Completions


def _chat_rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    messages = body.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        yield Violation("V11", "messages", "there are none")
        return
    yield from _roles(messages)
    yield from _blocks(messages, profile)
    for place, message in enumerate(messages):
        yield from _content(f"messages[{place}]", message, profile.sees(str(body.get("model"))))
        for call in message.get("tool_calls") or ():
            yield from _call(f"messages[{place}]", call)
        if message.get("tool_calls") and message.get("content") and not profile.text_beside_calls:
            yield Violation("V9", f"messages[{place}]", "text and calls in one message")
    yield from _ids(messages, profile)
    yield from _extras(messages, profile)


def _roles(messages: Sequence[Mapping[str, Any]]) -> Iterator[Violation]:
    roles = [message["role"] for message in messages]
    for place, role in enumerate(roles):
        if role not in ("system", "user", "assistant", "tool"):
            yield Violation("V9", f"messages[{place}]", f"role {role!r}")
        if role == "system" and any(earlier != "system" for earlier in roles[:place]):
            yield Violation("V8", f"messages[{place}]", "a system message inside the conversation")
    talk = [role for role in roles if role != "system"]
    if not talk or "user" not in talk:
        yield Violation("V11", "messages", "no user message")
        return
    if talk[0] != "user":
        yield Violation("V11", "messages", f"opens with {talk[0]}")
    if talk[-1] not in ("user", "tool"):
        yield Violation("V11", "messages", f"ends on {talk[-1]}")


def _blocks(messages: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    """Walk once, with the ids that the current block still has to answer, in their order."""
    waiting: list[Any] = []
    asked: set[Any] = set()
    answered: set[Any] = set()
    previous = ""
    for place, message in enumerate(messages):
        where, role = f"messages[{place}]", message["role"]
        if role == "tool":
            id = message.get("tool_call_id")
            if id in waiting:
                if waiting[0] != id:
                    yield Violation("V7", where, f"result {id!r} before that of {waiting[0]!r}")
                waiting.remove(id)
                answered.add(id)
            elif id in answered:
                yield Violation("V4", where, f"second result for {id!r}")
            elif previous not in ("tool", "assistant") and id not in asked:
                yield Violation("V2", where, f"result {id!r} without a call")
            else:
                yield Violation("V2", where, f"result {id!r} has no call in its block")
        else:
            if waiting:
                late = any(
                    later["role"] == "tool" and later.get("tool_call_id") in waiting
                    for later in messages[place:]
                )
                rule = "V3" if late else "V1"
                yield Violation(rule, where, f"{role} message before the results of {waiting!r}")
            if profile.bridge and previous == "tool" and role in ("user", "system"):
                yield Violation("V8", where, f"{role} message directly after a result")
            calls = message.get("tool_calls")
            if calls is not None and (role != "assistant" or not calls):
                yield Violation("V1", where, "an empty list of calls, or calls of another role")
            waiting = [call.get("id") for call in calls or ()]
            asked, answered = set(waiting), set()
        previous = role
    if waiting:
        yield Violation("V1", "the end", f"no results of {waiting!r}")


def _content(where: str, message: Mapping[str, Any], sees: bool) -> Iterator[Violation]:
    content = message.get("content")
    if content is None:
        if message["role"] != "assistant" or not message.get("tool_calls"):
            yield Violation("V9", where, f"{message['role']} message without content")
        return
    if isinstance(content, str):
        if not content.strip():
            yield Violation("V9", where, f"{message['role']} message with empty content")
        if not content.isascii() and re.search("[\ud800-\udfff]", content):
            yield Violation("V9", where, "content that cannot be encoded")
        return
    if message["role"] != "user" or not isinstance(content, Sequence) or not content:
        yield Violation("V9", where, f"content of {message['role']} is not a string")
        return
    for part in content:
        if part.get("type") == "text":
            yield from _text_part(where, part.get("text"))
        elif part.get("type") == "image_url":
            yield from _image(where, part["image_url"].get("url"), sees)
        else:
            yield Violation("V9", where, f"a part of the type {part.get('type')!r}")


def _text_part(where: str, text: Any) -> Iterator[Violation]:
    if not isinstance(text, str) or not text.strip():
        yield Violation("V9", where, "an empty text part")
    elif not text.isascii() and re.search("[\ud800-\udfff]", text):
        yield Violation("V9", where, "text that cannot be encoded")


def _image(where: str, url: Any, sees: bool) -> Iterator[Violation]:
    if not sees:
        yield Violation("V9", where, "an image for a model that cannot see")
    start = str(url)[:40]
    if not re.match(r"data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]", start):
        yield Violation("V9", where, f"an image that is no data URL of a picture: {start!r}")


def _call(where: str, call: Mapping[str, Any]) -> Iterator[Violation]:
    if call.get("type") != "function":
        yield Violation("V16", where, "a call that is no function call")
    function = call["function"]
    yield from _name(where, function.get("name"))
    yield from _arguments(where, function.get("arguments"))


def _ids(messages: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    form = r"functions\.[a-zA-Z0-9_-]{1,64}:[0-9]+" if profile.ids == "kimi" else r"[A-Za-z0-9]{9}"
    seen: set[Any] = set()
    for place, message in enumerate(messages):
        for call in message.get("tool_calls") or ():
            id = call.get("id")
            if not isinstance(id, str) or id.strip() in ("", "null", "undefined", "None"):
                yield Violation("V5", f"messages[{place}]", f"call id {id!r}")
            elif not re.fullmatch(form, id):
                yield Violation("V6", f"messages[{place}]", f"call id {id!r}")
            if id in seen:
                yield Violation("V4", f"messages[{place}]", f"call id {id!r} is used twice")
            seen.add(id)
        if message["role"] == "tool" and not message.get("tool_call_id"):
            yield Violation("V5", f"messages[{place}]", "a result without an id")


def _extras(messages: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    previous = ""
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if message["role"] == "assistant":
            calls = message.get("tool_calls") or ()
            due = profile.reasoning == "all" or (profile.reasoning == "calls" and calls)
            reasoning = message.get("reasoning_content")
            if due and not reasoning:
                yield Violation("V12", where, "reasoning_content is missing or empty")
            if reasoning is not None and not (due or profile.replays_reasoning):
                yield Violation("V14", where, "reasoning_content for a provider that did not issue it")
            yield from _signatures(where, calls, profile)
        if profile.alternates and previous == message["role"] != "tool":
            yield Violation("V11", where, f"two {previous} messages in a row")
        previous = message["role"]


def _signatures(where: str, calls: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    extras = [call.get("extra_content") for call in calls]
    if not profile.signatures:
        if any(extra is not None for extra in extras):
            yield Violation("V14", where, "a signature for a provider that did not issue it")
        return
    signatures = [
        extra["google"].get("thought_signature") if isinstance(extra, Mapping) and "google" in extra else None
        for extra in extras
    ]
    if signatures and not any(signatures):
        yield Violation("V14", where, "calls without a thought signature")
    if any(signature is not None and not str(signature).strip() for signature in signatures):
        yield Violation("V14", where, "a blank thought signature")


# Responses


def _responses_rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
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
            yield from _name(where, item.get("name"))
            yield from _arguments(where, item.get("arguments"))
        if kind == "function_call_output" and not (
            isinstance(item.get("output"), str) and item["output"].strip()
        ):
            yield Violation("V9", where, "an output that is no non-empty string")
        yield from _server_id(where, kind, item, items[:place], server_ids)


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
            yield from _image(where, part.get("image_url"), sees)
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


# Both


def _tool_rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    tools = body.get("tools")
    if tools is None:
        if profile.tools_with_calls and any(m.get("tool_calls") for m in body.get("messages", ())):
            yield Violation("V16", "tools", "calls in the history, and no tool declared")
        return
    if not tools:
        yield Violation("V16", "tools", "an empty list")
    names = [(tool["function"] if "function" in tool else tool).get("name") for tool in tools]
    for place, name in enumerate(names):
        yield from _name(f"tools[{place}]", name)
    if len(set(names)) != len(names):
        yield Violation("V16", "tools", "two tools of one name")


def _name(where: str, name: Any) -> Iterator[Violation]:
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        yield Violation("V16", where, f"function name {name!r}")


def _arguments(where: str, arguments: Any) -> Iterator[Violation]:
    if not isinstance(arguments, str):
        yield Violation("V10", where, "arguments are not a string")
        return

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} in arguments")

    try:
        value = json.loads(arguments, parse_constant=refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        yield Violation("V10", where, f"arguments are no JSON object: {arguments[:40]!r}")
