"""The same history without a single tool message: valid everywhere, for when something else was not.

Calls become a line of what the assistant asked for, results a line of what came back, so nothing that the
model knew is lost; only the form is poorer.
"""

from dataclasses import dataclass

from agents.history import Call, Step
from agents.providers.base import Profile
from agents.transcript.calls import function_name
from agents.transcript.layout import Form
from agents.transcript.room import Message, Room
from agents.transcript.wording import result, step_text


@dataclass(frozen=True)
class TextOnly:
    """A dialect's form in which tool exchanges are plain text."""

    form: Form

    def line(self, text: str, profile: Profile) -> Message:
        """As the dialect's own."""
        return self.form.line(text, profile)

    def step(self, step: Step, room: Room) -> list[Message]:
        """What was said and asked as one message of the assistant, what came as one of a user."""
        text = step_text(step)
        if not step.committed or not step.calls:
            return [self.line(text, room.profile)] if text else []
        asked = "\n".join(f"(I used the tool {function_name(call.name)}.)" for call in step.calls)
        share = room.result_tokens // len(step.calls)
        came = "\n\n".join(_came(call, share) for call in step.calls)
        spoken = f"{text}\n\n{asked}" if text else asked
        return [self.line(spoken, room.profile), {"role": "user", "content": came}]


def _came(call: Call, share: int) -> str:
    head = f"[Result of the tool {function_name(call.name)}, called with {_shown(call.arguments)}]"
    return f"{head}\n{result(call, share)}"


def _shown(arguments: str) -> str:
    line = " ".join(arguments.encode("utf-8", "replace").decode().split()) or "nothing"
    return line if len(line) <= 2_000 else f"{line[:2_000]}…"
