"""The gate before every Chat Completions request: does this body keep the rules V1 to V16 of this profile?

Written from the rules and not from the renderer, and it shares no code with it: a mistake would have to be
made twice to get out. V17 to V19 compare a request with its history and are held by tests.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.dialects.rules import Violation, arguments, function_name, held, image, tools_declared
from agents.providers.base import Profile


def validate(body: Mapping[str, Any], profile: Profile) -> list[Violation]:
    """All rules that `body` breaks; an empty list means that it may be sent. Never raises."""
    return held(_rules(body, profile))


def _rules(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    yield from _messages(body, profile)
    yield from tools_declared(body)
    if body.get("tools") is None and profile.tools_with_calls:
        if any(message.get("tool_calls") for message in body.get("messages", ())):
            yield Violation("V16", "tools", "calls in the history, and no tool declared")


def _messages(body: Mapping[str, Any], profile: Profile) -> Iterator[Violation]:
    messages = body.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        yield Violation("V11", "messages", "there are none")
        return
    yield from _roles(messages)
    yield from _blocks(messages, profile)
    sees = profile.sees(str(body.get("model")))
    for place, message in enumerate(messages):
        yield from _content(f"messages[{place}]", message, profile, sees)
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


def _content(where: str, message: Mapping[str, Any], profile: Profile, sees: bool) -> Iterator[Violation]:
    content = message.get("content")
    if isinstance(content, str):
        beside_calls = message["role"] == "assistant" and message.get("tool_calls")
        if not content.strip() and not (beside_calls and not profile.text_beside_calls):
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
            yield from image(where, part["image_url"].get("url"), sees)
        else:
            yield Violation("V9", where, f"a part of the type {part.get('type')!r}")


def _text_part(where: str, text: Any) -> Iterator[Violation]:
    if not isinstance(text, str) or not text.strip():
        yield Violation("V9", where, "an empty text part")
    elif not text.isascii() and re.search("[\ud800-\udfff]", text):
        yield Violation("V9", where, "text that cannot be encoded")


def _call(where: str, call: Mapping[str, Any]) -> Iterator[Violation]:
    if call.get("type") != "function":
        yield Violation("V16", where, "a call that is no function call")
    function = call["function"]
    yield from function_name(where, function.get("name"))
    yield from arguments(where, function.get("arguments"))


def _ids(messages: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[Violation]:
    form = r"functions\.[a-zA-Z0-9_-]{1,64}:[0-9]+" if profile.ids == "kimi" else r"[A-Za-z0-9]{9}"
    seen: set[Any] = set()
    for place, message in enumerate(messages):
        for call in message.get("tool_calls") or ():
            id = call.get("id")
            if not isinstance(id, str) or id.strip() in ("", "null", "undefined", "None"):
                yield Violation("V5", f"messages[{place}]", f"call id {id!r}")
            elif not re.fullmatch(form, id) or len(id) > 64:
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
