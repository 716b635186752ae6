"""A history as an ordered row of messages, for any dialect: pure and deterministic (rules T1, V18).

Each item becomes a block of messages that stands or falls as a whole: a message, or a step with its calls and
all their results. A result cannot get away from its call because nothing here moves messages, only blocks. How a
step is written is the dialect's; what is sent, what is cut and what must stand between is decided here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.events import AttachmentRef
from agents.history import History, HistoryNote, Item, Step, Summary, UserMessage
from agents.providers.base import Profile
from agents.transcript import attached
from agents.transcript.made import ByItem
from agents.transcript.room import Message, ModelSettings, Room
from agents.transcript.tokens import MESSAGE, estimate
from agents.transcript.trimming import trim
from agents.transcript.wording import clean, left_out, note_text, shortened, summary_text, user_text

BRIDGE = "I have read the results."
GO_ON = "Please go on."
#: The share of the window that one step's results may take; longer ones are shortened with a marker.
_BLOCK_SHARE = 0.25
_COSTS: ByItem[int] = ByItem()


class Form(Protocol):
    """How a dialect writes what the assistant said and did."""

    def step(self, step: Step, room: Room) -> list[Message]:
        """The messages of a step; none if it says nothing. What asks for calls has `tool_calls` and the role
        `assistant`, results have the role `tool`. A message with `items` is sent as it is and joined with no other."""
        ...

    def line(self, text: str, profile: Profile) -> Message:
        """A line of the assistant that no model wrote."""
        ...


def budget(ask: ModelSettings) -> int:
    """Tokens that the history may take in a request."""
    said = estimate(ask.prompt) + estimate(ask.preface)
    return max(500, ask.window - said - estimate(json.dumps(list(ask.tools))))


def lay_out(history: History, profile: Profile, ask: ModelSettings, form: Form) -> list[Message]:
    """The messages of a request, without the system prompt, in the order that the profile wants."""
    tokens = budget(ask)
    whole = {file.id: file for file in attached.sent_whole(history.items, profile, ask.model)}
    kept = trim(history.items, tokens, lambda item: cost(item, tokens, whole))
    room = Room(profile, ask, int(tokens * _BLOCK_SHARE), whole=whole)
    messages = [message for item in kept.pinned for message in _message(item, room)]
    if kept.left_out:
        messages.append({"role": "user", "content": left_out(kept.left_out)})
    room.count = _calls_before(history.items, kept.items) if profile.ids == "kimi" else 0
    for item in kept.items:
        messages += form.step(item, room) if isinstance(item, Step) else _message(item, room)
    return _prefaced(_ordered(messages, profile, form), ask)


def _prefaced(messages: list[Message], ask: ModelSettings) -> list[Message]:
    """With the system prompt as the beginning of the first message, which is a user's, where it goes there."""
    if not ask.preface.strip():
        return messages
    first = messages[0]
    content = attached.joined(clean(ask.preface), first["content"])
    return [{**first, "content": content}, *messages[1:]]


def cost(item: Item, budget: int, whole: Mapping[str, AttachmentRef] | None = None) -> int:
    """About how many tokens an item takes in a request whose history has `budget`. `whole`: files sent whole."""
    if isinstance(item, UserMessage) and item.attachments:
        files = attached.cost(item.attachments, whole or {}, int(budget * _BLOCK_SHARE))
        return MESSAGE + estimate(item.text) + files
    return _COSTS.of(item, budget, lambda: _cost(item, budget))


def _cost(item: Item, budget: int) -> int:
    if not isinstance(item, Step):
        return MESSAGE + estimate(item.text)
    if not item.committed:
        return 0
    cap = int(budget * _BLOCK_SHARE)
    results = sum(min(estimate(call.result), cap // len(item.calls)) + MESSAGE for call in item.calls)
    asked = sum(min(estimate(call.arguments), cap) + 2 * MESSAGE for call in item.calls)
    return MESSAGE + estimate(item.text) + results + asked


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
        case HistoryNote():
            return [{"role": "user", "content": note_text(item)}]
        case Summary():
            return [{"role": "user", "content": summary_text(item)}]
    return []


def _calls_before(items: Sequence[Item], kept: Sequence[Item]) -> int:
    before = items[: len(items) - len(kept)]
    return sum(len(item.calls) for item in before if isinstance(item, Step))


def _as_one(first: Message, second: Message, profile: Profile) -> bool:
    """Whether two neighbours can be sent as one message (no results stand between them)."""
    if "items" in first or "items" in second:
        return False
    if first["role"] == second["role"] == "assistant":
        return "tool_calls" not in first and (profile.text_beside_calls or "tool_calls" not in second)
    return bool(first["role"] == second["role"] == "user")


def _ordered(messages: list[Message], profile: Profile, form: Form) -> list[Message]:
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
            ordered.append(form.line(BRIDGE, profile))
        ordered.append(message)
    if not ordered or ordered[0]["role"] != "user":
        ordered.insert(0, {"role": "user", "content": GO_ON})
    if ordered[-1]["role"] == "assistant":
        ordered.append({"role": "user", "content": GO_ON})
    return ordered
