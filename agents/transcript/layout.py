"""A history as the request that a provider takes: pure and deterministic (rules T1, V18).

Each item becomes a block of messages that stands or falls as a whole: a message, or a step with its calls and
all their results. A result cannot get away from its call because nothing here moves messages, only blocks.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.attachments import Content
from agents.events import AttachmentRef
from agents.history import Call, History, Item, Note, Step, Summary, UserMessage
from agents.providers.base import Profile
from agents.results import INTERRUPTED, NO_OUTPUT, NOT_STARTED
from agents.transcript import attached
from agents.transcript.tokens import MESSAGE, characters, estimate
from agents.transcript.trimming import trim

Message = dict[str, Any]

CUT = "[This answer was cut off here.]"
EMPTY_MESSAGE = "(empty message)"
BRIDGE = "I have read the results."
GO_ON = "Please go on."
#: Required by thinking profiles where we hold no reasoning of that model; the least that is accepted (V12).
NO_REASONING = " "
#: Gemini's documented stand-in for calls that it did not issue itself.
NO_SIGNATURE = "skip_thought_signature_validator"
#: The share of the window that one step's results may take; longer ones are shortened with a marker.
_BLOCK_SHARE = 0.25

_NINE = re.compile(r"[A-Za-z0-9]{9}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Ask:
    """What a request says beside the history."""

    model: str
    prompt: str = ""
    #: Function schemas in the Chat Completions form.
    tools: Sequence[dict[str, Any]] = ()
    #: Tokens that prompt, tools and history may take together.
    window: int = 60_000
    #: Files that were read for this request (`attached.wanted`); None: one that is gone.
    files: Mapping[str, Content | None] = field(default_factory=dict)


@dataclass
class Room:
    """What rendering one request carries along: who is asked, ids already used, and how large results may be."""

    profile: Profile
    ask: Ask
    result_tokens: int
    ids: set[str] = field(default_factory=set)
    #: Calls before the step that is rendered, over the whole history (for positional ids).
    count: int = 0
    #: The files that are sent whole; others are named.
    whole: Mapping[str, AttachmentRef] = field(default_factory=dict)


def render(history: History, profile: Profile, ask: Ask) -> dict[str, Any]:
    """The body of the request, without streaming options. Never raises for what a history holds."""
    if profile.dialect == "responses":
        from agents.dialects.responses import request as responses

        return responses.render(history, profile, ask)
    return chat_body(history, profile, ask, _step)


def chat_body(history: History, profile: Profile, ask: Ask, step: Any) -> dict[str, Any]:
    """A Chat Completions body; `step(step, room)` gives the messages of one step."""
    budget = max(500, ask.window - estimate(ask.prompt) - estimate(json.dumps(list(ask.tools))))
    whole = {file.id: file for file in attached.sent_whole(history.items, profile, ask.model)}
    kept = trim(history.items, budget, lambda item: cost(item, budget, whole))
    room = Room(profile, ask, int(budget * _BLOCK_SHARE), whole=whole)
    messages = [message for item in kept.pinned for message in _message(item, room)]
    if kept.left_out:
        messages.append({"role": "user", "content": left_out(kept.left_out)})
    room.count = _calls_before(history.items, kept.items) if profile.ids == "kimi" else 0
    for item in kept.items:
        messages += step(item, room) if isinstance(item, Step) else _message(item, room)
    messages = _ordered(messages, profile)
    if ask.prompt.strip():
        messages.insert(0, {"role": "system", "content": clean(ask.prompt)})
    body: dict[str, Any] = {"model": ask.model, "messages": messages}
    if ask.tools:
        body["tools"] = [dict(tool) for tool in ask.tools]
    elif profile.tools_with_calls and any("tool_calls" in message for message in messages):
        body["tools"] = [stub(name) for name in sorted(_called(messages))]
    return body


def cost(item: Item, budget: int, whole: Mapping[str, AttachmentRef] | None = None) -> int:
    """About how many tokens an item takes in a request whose history has `budget`. `whole`: files sent whole."""
    if isinstance(item, UserMessage) and item.attachments:
        files = attached.cost(item.attachments, whole or {}, int(budget * _BLOCK_SHARE))
        return MESSAGE + estimate(item.text) + files
    if not isinstance(item, Step):
        return MESSAGE + estimate(item.text)
    if not item.committed:
        return 0
    cap = int(budget * _BLOCK_SHARE)
    results = sum(min(estimate(call.result), cap // len(item.calls)) + MESSAGE for call in item.calls)
    asked = sum(min(estimate(call.arguments), cap) + 2 * MESSAGE for call in item.calls)
    return MESSAGE + estimate(item.text) + results + asked


def _step(step: Step, room: Room) -> list[Message]:
    text = step_text(step)
    if not step.calls or not step.committed:
        return [_assistant({"role": "assistant", "content": text}, step, room)] if text else []
    ids = [wire_id(call, room) for call in step.calls]
    calls = [
        {
            "id": id,
            "type": "function",
            "function": {"name": function_name(call.name), "arguments": arguments(call, room)},
        }
        for id, call in zip(ids, step.calls, strict=True)
    ]
    ahead: list[Message] = []
    if text and not room.profile.text_beside_calls:
        spoken = _assistant({"role": "assistant", "content": text}, step, room)
        ahead, text = [spoken, {"role": "user", "content": GO_ON}], ""
    message = {"role": "assistant", "content": text or None, "tool_calls": calls}
    if room.profile.signatures:
        _sign(calls, step, room)
    results = [
        {"role": "tool", "tool_call_id": id, "content": result(call, room.result_tokens // len(step.calls))}
        for id, call in zip(ids, step.calls, strict=True)
    ]
    return [*ahead, _assistant(message, step, room), *results]


def _assistant(message: Message, step: Step, room: Room) -> Message:
    return with_reasoning(message, room.profile, own_replay(step, room).get("reasoning_content"))


def with_reasoning(message: Message, profile: Profile, own: Any = None) -> Message:
    """An assistant message with the reasoning field that the profile asks for (V12)."""
    demanded = profile.reasoning == "all" or (profile.reasoning == "calls" and "tool_calls" in message)
    if profile.replays_reasoning and isinstance(own, str) and own.strip():
        return {**message, "reasoning_content": clean(own)}
    return {**message, "reasoning_content": NO_REASONING} if demanded else message


def _sign(calls: list[dict[str, Any]], step: Step, room: Room) -> None:
    """Give the calls Gemini's signatures: its own where it issued the step, the stand-in on the first otherwise."""
    extras = own_replay(step, room).get("calls")
    extras = extras if isinstance(extras, dict) else {}
    for call, held in zip(calls, step.calls, strict=True):
        extra = extras.get(str(held.ordinal))
        if isinstance(extra, dict) and _signature(extra).strip():
            call["extra_content"] = extra["extra_content"]
    if not any("extra_content" in call for call in calls):
        calls[0]["extra_content"] = {"google": {"thought_signature": NO_SIGNATURE}}


def _signature(extra: dict[str, Any]) -> str:
    content = extra.get("extra_content")
    google = content.get("google") if isinstance(content, dict) else None
    return str(google.get("thought_signature", "")) if isinstance(google, dict) else ""


def own_replay(step: Step, room: Room) -> dict[str, Any]:
    """What the step's issuer wants back, if that is who is asked now (rule V14); else nothing."""
    asked = room.profile.issuer(room.ask.model)
    return step.replay if step.replay is not None and step.issuer == asked else {}


def _message(item: Item, room: Room) -> list[Message]:
    match item:
        case UserMessage(attachments=files) if files:
            share = room.result_tokens // max(1, sum(not file.image for file in files))
            sees = room.profile.sees(room.ask.model)
            shown = attached.content(
                clean(item.text), files, room.ask.files, room.whole, sees, lambda text: shortened(text, share)
            )
            return [{"role": "user", "content": shown}]
        case UserMessage():
            return [{"role": "user", "content": user_text(item)}]
        case Note():
            return [{"role": "user", "content": note_text(item)}]
        case Summary():
            return [{"role": "user", "content": summary_text(item)}]
    return []


def user_text(message: UserMessage) -> str:
    """What the model reads of a user's message: all of it (V19), and never nothing (V9)."""
    return clean(message.text) if message.text.strip() else EMPTY_MESSAGE


def note_text(note: Note) -> str:
    """A note, marked so that the model does not take it for the user's own words."""
    source = " ".join(part for part in (note.origin.entrance, note.origin.name) if part)
    return clean(f"[Note from {source}, not written by the user]\n{note.text.strip() or EMPTY_MESSAGE}")


def summary_text(summary: Summary) -> str:
    """What stands for the items that a summary has replaced."""
    head = f"[Summary of {summary.items} earlier entries of this conversation, not written by the user]"
    return clean(f"{head}\n{summary.text.strip() or EMPTY_MESSAGE}")


def left_out(count: int) -> str:
    """The line that stands where a window was cut."""
    return f"[{count} earlier entries of this conversation are left out here.]"


def step_text(step: Step) -> str:
    """The text of a step that is in the transcript; empty: it says nothing."""
    text = clean(step.text) if step.committed and step.text.strip() else ""
    return f"{text}\n\n{CUT}" if text and step.status == "stopped" else text


def result(call: Call, tokens: int) -> str:
    """What the model reads as a call's result: a non-empty string (V9), shortened to about `tokens`."""
    if call.open:
        return NOT_STARTED if call.attempt == 0 else INTERRUPTED
    text = clean(call.result)
    if not text.strip():
        return NO_OUTPUT
    return shortened(text, tokens)


def shortened(text: str, tokens: int) -> str:
    """The beginning and the end of a text, about `tokens` together, and between them how much is missing."""
    size = estimate(text)
    if size <= tokens:
        return text
    keep = max(200, min(characters(tokens), len(text) * tokens // size))
    cut = len(text) - keep
    if cut <= 0:
        return text
    head = keep * 3 // 4
    tail = keep - head
    return f"{text[:head]}\n[… {cut:,} characters are left out here …]\n{text[-tail:]}"


def arguments(call: Call, room: Room) -> str:
    """The arguments as they may be sent: the model's own text if it is a JSON object (V10), else `{}`."""
    text = clean(call.arguments)
    if not is_object(text):
        return "{}"
    if estimate(text) > max(room.result_tokens, 200):
        return json.dumps({"left_out": f"{len(text)} characters of arguments"})
    return text


def is_object(text: str) -> bool:
    """Whether `text` is one JSON object by the standard (no NaN, no raw control characters)."""
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
        return f"functions.{function_name(call.name)}:{room.count - 1}"
    id, salt = call.id, 0
    while not _NINE.fullmatch(id) or id in room.ids:
        salt += 1
        digest = hashlib.sha256(f"{call.id}\0{call.ordinal}\0{salt}".encode("utf-8", "replace")).hexdigest()
        id = digest[:9]
    room.ids.add(id)
    return id


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


def clean(text: str) -> str:
    """Text that can be sent: lone surrogates (a browser can produce them) replaced."""
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else text


def _calls_before(items: Sequence[Item], kept: Sequence[Item]) -> int:
    before = items[: len(items) - len(kept)]
    return sum(len(item.calls) for item in before if isinstance(item, Step))


def _called(messages: Iterable[Message]) -> set[str]:
    return {call["function"]["name"] for message in messages for call in message.get("tool_calls", ())}


def _as_one(first: Message, second: Message, profile: Profile) -> bool:
    """Whether two neighbours can be sent as one message (no results stand between them)."""
    if first["role"] == second["role"] == "assistant":
        return "tool_calls" not in first and (profile.text_beside_calls or "tool_calls" not in second)
    return bool(first["role"] == second["role"] == "user")


def _ordered(messages: list[Message], profile: Profile) -> list[Message]:
    """What must stand between, before and behind the blocks (V8, V11), and nothing within one."""
    ordered: list[Message] = []
    for message in messages:
        before = ordered[-1] if ordered else None
        if profile.alternates and before is not None and _as_one(before, message, profile):
            both = attached.joined(before["content"], message["content"])
            ordered[-1] = {**before, **message, "content": both}
            continue
        if profile.alternates and before is not None and before["role"] == message["role"] == "assistant":
            ordered.append({"role": "user", "content": GO_ON})
        if profile.bridge and before is not None and (before["role"], message["role"]) == ("tool", "user"):
            ordered.append(with_reasoning({"role": "assistant", "content": BRIDGE}, profile))
        ordered.append(message)
    if not ordered or ordered[0]["role"] != "user":
        ordered.insert(0, {"role": "user", "content": GO_ON})
    if ordered[-1]["role"] == "assistant":
        ordered.append({"role": "user", "content": GO_ON})
    return ordered
