"""A history as the body of a Gemini `generateContent` request.

A turn of calls is a `model` turn, their results are one `user` turn of their own directly behind it. Thought
signatures go back at the parts they came with, and only to the model that issued them (rule V14); calls that it did not
issue carry Google's documented stand-in where calls must be signed. What comes of caching is the provider's own doing:
it recognises how a request begins, and wants no marks.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.calls import arguments_object, function_name, stub, wire_id
from agents.transcript.layout import GO_ON, Form, lay_out
from agents.transcript.room import Message, ModelSettings, Room, own_replay
from agents.transcript.textonly import TextOnly
from agents.transcript.wording import clean, result, step_text

#: Gemini's documented stand-in for calls that it did not issue itself.
NO_SIGNATURE = "skip_thought_signature_validator"
#: Models that can be asked for their thoughts. Others refuse the question.
THINKING = re.compile(
    r"gemini-(2\.5|[3-9]|\d\d|(pro|flash|flash-lite)-latest)(?!.*(image|tts|live|audio|embedding))"
)
#: What these models can look at; a picture of another kind is named instead.
_PICTURES = ("image/png", "image/jpeg", "image/webp")
_UNSEEN = "[A picture stands here in a format that this model cannot see: {kind}.]"

Part = dict[str, Any]


class ContentsForm:
    """Steps as pseudo-messages whose `turns` are the dialect's own contents."""

    def line(self, text: str, profile: Profile) -> Message:
        """A model turn."""
        return {"role": "assistant", "content": text}

    def step(self, step: Step, room: Room) -> list[Message]:
        """The model's turn and, with calls, the turn with their results."""
        return _step(step, room)


FORM: Form = ContentsForm()


def render(
    history: History, profile: Profile, ask: ModelSettings, *, text_only: bool = False
) -> dict[str, Any]:
    """The body of a request, and beside it `model`, which `stream.py` takes out into the address."""
    # How turns alternate is this dialect's own affair, but for the line between results and a message: without it there
    # would be two turns of the user's, and a gateway may hand them on to a template.
    profile = replace(profile, alternates=False, vision="" if text_only else profile.vision)
    contents = _contents(lay_out(history, profile, ask, TextOnly(FORM) if text_only else FORM))
    sent: dict[str, Any] = {"model": ask.model}
    if ask.prompt.strip():
        sent["systemInstruction"] = {"parts": [{"text": clean(ask.prompt)}]}
    sent["contents"] = contents
    if tools := _tools(ask, contents):
        sent["tools"] = [{"functionDeclarations": tools}]
    if profile.thinks and ask.options and THINKING.search(ask.model.lower()):
        sent["generationConfig"] = {"thinkingConfig": {"includeThoughts": True}}
    return sent


def _contents(messages: Iterable[Message]) -> list[Message]:
    """Messages of the layout as contents: neighbours of one role are one, but results stay in a turn of their own."""
    turns: list[Message] = []
    for message in messages:
        role = "model" if message["role"] == "assistant" else "user"
        for turn in message.get("turns") or [{"role": role, "parts": _parts(message["content"])}]:
            before = turns[-1] if turns else {"role": "", "parts": []}
            if before["role"] == turn["role"] == "model":
                turns.append({"role": "user", "parts": _parts(GO_ON)})
            elif before["role"] == turn["role"] and not _results(before) and not _results(turn):
                before["parts"] += turn["parts"]
                continue
            turns.append(turn)
    return turns


def _results(turn: Message) -> bool:
    return any("functionResponse" in part for part in turn["parts"])


def _parts(content: str | Sequence[Mapping[str, Any]]) -> list[Part]:
    if isinstance(content, str):
        return [{"text": content}]
    return [
        {"text": part["text"]} if part["type"] == "text" else _picture(part["image_url"]["url"])
        for part in content
    ]


def _picture(url: str) -> Part:
    head, _, data = url.partition(";base64,")
    kind = head.removeprefix("data:")
    if kind not in _PICTURES:
        return {"text": _UNSEEN.format(kind=kind)}
    return {"inlineData": {"mimeType": kind, "data": data}}


def _step(step: Step, room: Room) -> list[Message]:
    text = step_text(step)
    ids = [wire_id(call, room) for call in step.calls] if step.committed else []
    if not text and not ids:
        return []
    own = own_replay(step, room)
    parts: list[Part] = []
    if text:
        signature = _text_signature(own.get("items")) if step.status == "finished" else ""
        parts.append({"text": text} | ({"thoughtSignature": signature} if signature else {}))
    asked: list[Part] = [
        {"functionCall": {"id": id, "name": function_name(call.name), "args": arguments_object(call, room)}}
        for id, call in zip(ids, step.calls, strict=False)
    ]
    if asked and room.profile.signatures:
        _sign(asked, step, own.get("calls"))
    turns = [{"role": "model", "parts": [*parts, *asked]}]
    if ids:
        share = room.result_tokens // len(ids)
        came = [
            {
                "functionResponse": {
                    "id": id,
                    "name": function_name(call.name),
                    "response": {"error" if call.status == "failed" else "output": result(call, share)},
                }
            }
            for id, call in zip(ids, step.calls, strict=True)
        ]
        turns.append({"role": "user", "parts": came})
    return [{"role": "tool" if ids else "assistant", "turns": turns}]


def _sign(asked: list[Part], step: Step, extras: Any) -> None:
    """Give the calls their own signatures; the stand-in on the first where there is none."""
    extras = extras if isinstance(extras, Mapping) else {}
    for part, call in zip(asked, step.calls, strict=True):
        extra = extras.get(str(call.ordinal))
        signature = extra.get("thoughtSignature") if isinstance(extra, Mapping) else None
        if isinstance(signature, str) and signature.strip():
            part["thoughtSignature"] = signature
    if not any("thoughtSignature" in part for part in asked):
        asked[0]["thoughtSignature"] = NO_SIGNATURE


def _text_signature(kept: Any) -> str:
    """The latest signature that came with words."""
    items = kept if isinstance(kept, Sequence) else ()
    found = [item.get("thoughtSignature") for item in items if isinstance(item, Mapping)]
    return next((one for one in reversed(found) if isinstance(one, str) and one.strip()), "")


def _tools(ask: ModelSettings, contents: Sequence[Message]) -> list[dict[str, Any]]:
    """The declared tools; those of the history where none is declared, so that the model can tell what they were."""
    called = {
        part["functionCall"]["name"] for turn in contents for part in turn["parts"] if "functionCall" in part
    }
    functions = [tool["function"] for tool in ask.tools or [stub(name) for name in sorted(called)]]
    return [
        {
            "name": function["name"],
            "description": function.get("description", ""),
            "parametersJsonSchema": function["parameters"],
        }
        for function in functions
    ]
