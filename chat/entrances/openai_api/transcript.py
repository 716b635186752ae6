"""What a client of OpenAI's API sends, as a conversation of ours: pure.

Such a client sends everything that was said, each time. Ours has a conversation for it, so only what is new becomes a
message. Which conversation it is, a chain of hashes over what was said tells: the client has seen what we have said.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chat.commands import MAX_TEXT
from chat.http.problems import Problem

#: Characters of a note that tells the agent what was said elsewhere.
MAX_NOTE = MAX_TEXT
#: Roles by which clients give instructions.
INSTRUCTING = ("system", "developer")
#: Parts of a content that are text.
TEXTS = ("text", "input_text", "output_text", "refusal")

#: (role, text): what somebody said. Roles are `user` and `assistant`.
Turn = tuple[str, str]


@dataclass(frozen=True)
class Asked:
    """What is asked: instructions of the application, what was said before, and what is new."""

    instructions: tuple[str, ...]
    history: tuple[Turn, ...]
    text: str


def asked(messages: Sequence[Any], field: str, instructions: Iterable[str] = ()) -> Asked:
    """Take a list of messages apart. `field` is its name, for a Problem about it."""
    told = [one for one in instructions if one.strip()]
    turns: list[Turn] = []
    for place, message in enumerate(messages):
        role, text = _message(message, f"{field}.{place}")
        if role in INSTRUCTING:
            told.append(text)
        elif text.strip():
            turns.append((role, text))
    last = max((n for n, (role, _) in enumerate(turns) if role != "user"), default=-1)
    new = "\n\n".join(text for _, text in turns[last + 1 :])
    if not new.strip():
        raise Problem(
            "invalid", fields={field: "The last message must be of the role user, and say something."}
        )
    if len(new) > MAX_TEXT:
        raise Problem("invalid", fields={field: f"What is new may have {MAX_TEXT:,} characters."})
    return Asked(tuple(told), tuple(turns[: last + 1]), new)


def _message(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise Problem("invalid", fields={where: "It must be an object."})
    if message.get("type", "message") != "message":
        raise Problem("unsupported", fields={where: "Only messages: agents use their own tools, here."})
    role = message.get("role")
    if role not in (*INSTRUCTING, "user", "assistant", "tool"):
        raise Problem(
            "invalid", fields={f"{where}.role": "It must be system, developer, user, assistant or tool."}
        )
    return str(role), content(message.get("content"), f"{where}.content")


def content(found: Any, where: str) -> str:
    """A content as text: a string, or parts that are text."""
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    if not isinstance(found, list):
        raise Problem("invalid", fields={where: "It must be a string or a list of parts."})
    texts = []
    for part in found:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in TEXTS:
            raise Problem(
                "unsupported", fields={where: "Only parts that are text. Send files in the web chat."}
            )
        said = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(said, str):
            raise Problem("invalid", fields={where: "The text of a part must be a string."})
        texts.append(said)
    return "\n".join(texts)


def started(agent: str, instructions: Iterable[str]) -> str:
    """The beginning of a chain."""
    return _hash("", json.dumps([agent, list(instructions)]))


def chain(link: str, turns: Iterable[Turn]) -> str:
    """The chain after these turns. What one role says in a row is one."""
    joined: list[tuple[str, list[str]]] = []
    for role, text in turns:
        if joined and joined[-1][0] == role:
            joined[-1][1].append(text.strip())
        else:
            joined.append((role, [text.strip()]))
    for role, texts in joined:
        link = _hash(link, json.dumps([role, "\n\n".join(texts)]))
    return link


def notes(found: Asked) -> list[str]:
    """What an agent is told at the beginning of a conversation, so that it knows what the client does."""
    told = []
    if found.instructions:
        told.append(_cut("The application says:\n\n", "\n\n".join(found.instructions)))
    if found.history:
        said = "\n\n".join(f"{role}: {text}" for role, text in found.history)
        told.append(_cut("What was said before, in the application:\n\n", said))
    return told


def _cut(title: str, text: str) -> str:
    """With as much of the end of a text as fits: what is newest matters most."""
    room = MAX_NOTE - len(title) - 10
    return title + (text if len(text) <= room else f"[…] {text[-room:]}")


def _hash(link: str, text: str) -> str:
    return hashlib.sha256(f"{link}\0{text}".encode()).hexdigest()
