"""What making one request starts from and carries along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.attachments import FileContent
from agents.events import AttachmentRef
from agents.history import Step
from agents.providers.base import Profile

#: One entry of a request, in the form of Chat Completions, or in a dialect's own with a `role` for the layout.
Message = dict[str, Any]


@dataclass(frozen=True)
class ModelSettings:
    """What a request says beside the history."""

    model: str
    prompt: str = ""
    #: Function schemas in the Chat Completions form.
    tools: Sequence[dict[str, Any]] = ()
    #: Tokens that prompt, tools and history may take together.
    window: int = 60_000
    #: Files that were read for this request (`attached.wanted`); None: one that is gone.
    files: Mapping[str, FileContent | None] = field(default_factory=dict)
    #: Where and by which key the model is asked (`account_of`).
    account: str = ""
    #: What goes before the first message, where the model takes no system prompt.
    preface: str = ""
    #: Whether the request may ask for more than an answer (usage, options of the stream).
    options: bool = True


@dataclass
class Room:
    """What rendering one request carries along: who is asked, ids already used, and how large results may be."""

    profile: Profile
    ask: ModelSettings
    result_tokens: int
    ids: set[str] = field(default_factory=set)
    #: Calls before the step that is rendered, over the whole history (for positional ids).
    count: int = 0
    #: The files that are sent whole; others are named.
    whole: Mapping[str, AttachmentRef] = field(default_factory=dict)


def own_replay(step: Step, room: Room) -> dict[str, Any]:
    """What the step's issuer wants back, if that is who is asked now (rule V14); else nothing."""
    asked = room.profile.issuer(room.ask.model, room.ask.account)
    return step.replay if step.replay is not None and step.issuer == asked else {}
