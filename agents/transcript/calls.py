"""A call in a request: its id, its name and its arguments, in a form that every provider takes."""

import hashlib
import json
import re
from functools import lru_cache
from typing import Any

from agents.history import Call
from agents.transcript.room import Room
from agents.transcript.tokens import estimate
from agents.transcript.wording import clean

#: How deep arguments may be nested where they are sent as an object (protobuf's JSON readers stop at 100, the
#: whole request included).
MAX_DEPTH = 64
_NINE = re.compile(r"[A-Za-z0-9]{9}")
#: Characters of the longest id that is sent: what the Responses API and several gateways take at most.
MAX_ID = 64
#: Characters of arguments that are looked at once, and not for each request that has them.
_SHORT = 1_000


def arguments(call: Call, room: Room) -> str:
    """The arguments as they may be sent: the model's own text if it is a JSON object (V10), else `{}`."""
    text = clean(call.arguments)
    if not is_object(text):
        return "{}"
    if estimate(text) > max(room.result_tokens, 200):
        return json.dumps({"left_out": f"{len(text)} characters of arguments"})
    return text


def arguments_object(call: Call, room: Room) -> dict[str, Any]:
    """The arguments as an object that any server's JSON reader takes, for dialects that do not send them as text:
    without lone surrogates, infinite numbers or nesting that none would read."""
    try:
        value = json.loads(arguments(call, room))
        if _depth(value) > MAX_DEPTH:
            return {"left_out": f"arguments nested more than {MAX_DEPTH} deep"}
        held = json.loads(clean(json.dumps(value, ensure_ascii=False, allow_nan=False)))
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def _depth(value: Any) -> int:
    """How deep lists and objects are nested; without recursion, because a model may write anything."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def is_object(text: str) -> bool:
    """Whether `text` is one JSON object by the standard (no NaN, no raw control characters)."""
    return _short_object(text) if len(text) <= _SHORT else _object(text)


@lru_cache(maxsize=8_192)
def _short_object(text: str) -> bool:
    return _object(text)


def _object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse), dict)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def wire_id(call: Call, room: Room) -> str:
    """The call's id in this request: unique in it, and of the form that the profile takes (V4, V5, V6)."""
    if room.profile.ids == "kimi":
        room.count += 1
        number = str(room.count - 1)
        name = function_name(call.name)[: MAX_ID - len("functions.:") - len(number)]
        return f"functions.{name}:{number}"
    id, salt = call.id, 0
    while not _NINE.fullmatch(id) or id in room.ids:
        salt += 1
        id = _salted(call.id, call.ordinal, salt)
    room.ids.add(id)
    return id


@lru_cache(maxsize=8_192)
def _salted(id: str, ordinal: int, salt: int) -> str:
    return hashlib.sha256(f"{id}\0{ordinal}\0{salt}".encode("utf-8", "replace")).hexdigest()[:9]


def function_name(name: str) -> str:
    """A name that providers accept (V16), also for a tool that the model made up."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "unnamed"


def stub(name: str) -> dict[str, Any]:
    """The declaration of a tool that is only known from the history."""
    parameters = {"type": "object", "properties": {}}
    description = "No longer available."
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }
