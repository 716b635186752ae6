"""A history as the body of a Chat Completions request."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.calls import arguments, function_name, stub, wire_id
from agents.transcript.layout import GO_ON, Form, lay_out
from agents.transcript.made import ByItem
from agents.transcript.room import Message, ModelSettings, Room, own_replay
from agents.transcript.textonly import TextOnly
from agents.transcript.wording import NO_WORDS, clean, result, step_text

#: Required by thinking profiles where we hold no reasoning of that model; the least that is accepted (V12).
NO_REASONING = " "
#: Gemini's documented stand-in for calls that it did not issue itself.
NO_SIGNATURE = "skip_thought_signature_validator"


#: The messages of a step in a request that has nothing else, and the ids that they use. In one that has more they are
#: the same unless one of these ids is used already: ids are chosen by what stands before.
_ALONE: ByItem[tuple[list[Message], frozenset[str]]] = ByItem()


class ChatForm:
    """Steps as messages of the assistant and of tools."""

    def line(self, text: str, profile: Profile) -> Message:
        """An assistant message, with the reasoning field where the profile asks for one."""
        return with_reasoning({"role": "assistant", "content": text}, profile)

    def step(self, step: Step, room: Room) -> list[Message]:
        """The assistant's message with its calls, and their results. Nobody may change them."""
        if room.profile.ids == "kimi":  # a step's ids say how many calls stand before it
            return _step(step, room)
        key = (room.profile, room.ask.model, room.ask.account, room.result_tokens)
        messages, ids = _ALONE.of(step, key, lambda: _alone(step, room))
        if not room.ids.isdisjoint(ids):
            return _step(step, room)
        room.ids |= ids
        return messages


FORM: Form = ChatForm()


def render(
    history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
) -> dict[str, Any]:
    """The body, without streaming options."""
    if text_only:
        profile = replace(profile, vision="")
    messages = lay_out(history, profile, ask, TextOnly(FORM) if text_only else FORM)
    if ask.prompt.strip():
        messages.insert(0, {"role": "system", "content": clean(ask.prompt)})
    body: dict[str, Any] = {"model": ask.model, "messages": messages}
    if ask.tools:
        body["tools"] = [dict(tool) for tool in ask.tools]
    elif profile.tools_with_calls and any("tool_calls" in message for message in messages):
        body["tools"] = [stub(name) for name in sorted(_called(messages))]
    if not ask.options:
        body["stream_options"] = None
    return body


def _alone(step: Step, room: Room) -> tuple[list[Message], frozenset[str]]:
    alone = Room(room.profile, room.ask, room.result_tokens)
    return _step(step, alone), frozenset(alone.ids)


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
    beside_calls = NO_WORDS if room.profile.text_beside_calls else ""
    message = {"role": "assistant", "content": text or beside_calls, "tool_calls": calls}
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


def _called(messages: Iterable[Message]) -> set[str]:
    return {call["function"]["name"] for message in messages for call in message.get("tool_calls", ())}
