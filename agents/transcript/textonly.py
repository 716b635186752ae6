"""The same history without a single tool message: valid everywhere, for when something else was not.

Calls become a line of what the assistant asked for, results a line of what came back, so nothing that the
model knew is lost; only the form is poorer.
"""

from dataclasses import replace
from typing import Any

from agents.history import History, Step
from agents.providers.base import Profile
from agents.transcript.layout import (
    Ask,
    Message,
    Room,
    chat_body,
    function_name,
    result,
    step_text,
    with_reasoning,
)


def render_text_only(history: History, profile: Profile, ask: Ask) -> dict[str, Any]:
    """The body of a request in which tool exchanges are plain text. Tools stay declared, so the agent goes on."""
    profile = replace(profile, vision="")
    if profile.dialect == "responses":
        from agents.dialects.responses import request as responses

        return responses.from_chat(chat_body(history, profile, ask, _step), profile)
    return chat_body(history, profile, ask, _step)


def _step(step: Step, room: Room) -> list[Message]:
    text = step_text(step)
    if not step.committed or not step.calls:
        return [_assistant(text, room)] if text else []
    asked = "\n".join(f"(I used the tool {function_name(call.name)}.)" for call in step.calls)
    share = room.result_tokens // len(step.calls)
    came = "\n\n".join(
        f"[Result of the tool {function_name(call.name)}, called with {_shown(call.arguments)}]\n{result(call, share)}"
        for call in step.calls
    )
    spoken = f"{text}\n\n{asked}" if text else asked
    return [_assistant(spoken, room), {"role": "user", "content": came}]


def _assistant(text: str, room: Room) -> Message:
    return with_reasoning({"role": "assistant", "content": text}, room.profile)


def _shown(arguments: str) -> str:
    line = " ".join(arguments.encode("utf-8", "replace").decode().split()) or "nothing"
    return line if len(line) <= 2_000 else f"{line[:2_000]}…"
