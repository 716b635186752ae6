"""Files of a user's message as a model gets them: text in a fence, pictures as parts, or a line that names them.

The line says what the message came with even where the model cannot see it, so nothing of the message is lost (V19).
Which files are sent whole is decided from the history alone: the newest ones, within bounds (V17, V18).
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.attachments import FileContent
from agents.events import AttachmentRef
from agents.history import History, Item, UserMessage
from agents.providers.base import Profile
from agents.transcript.tokens import MESSAGE, estimate

#: Pictures and text files that one request carries at most, the newest ones; and bytes of all its pictures.
MAX_IMAGES = 8
MAX_TEXTS = 20
IMAGE_BYTES = 16_000_000
#: Bytes of a picture as it is sent, at most: larger ones come shrunk from the storage.
SENT_BYTES = 4_000_000
#: About what a picture takes of the window.
IMAGE_TOKENS = 1_000
#: Items that are looked at for files.
LOOKED_AT = 200
_TOKENS_PER_BYTE = 0.34
_FENCE = re.compile(r"`{3,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|[\ud800-\udfff]")

Part = dict[str, Any]


def sent_whole(items: Sequence[Item], profile: Profile, model: str) -> tuple[AttachmentRef, ...]:
    """The files whose contents a request carries, newest first: what the caller must have read for it."""
    sees, chosen = profile.sees(model), dict[str, AttachmentRef]()
    images, texts, left = 0, 0, IMAGE_BYTES
    for item in reversed(items[-LOOKED_AT:]):
        for file in reversed(item.attachments) if isinstance(item, UserMessage) else ():
            if file.id in chosen:
                continue
            if file.image:
                left -= min(file.size, SENT_BYTES)
                if not sees or images == MAX_IMAGES or left < 0:
                    continue
                images += 1
            elif texts == MAX_TEXTS:
                continue
            else:
                texts += 1
            chosen[file.id] = file
    return tuple(chosen.values())


def wanted(history: History, profile: Profile, model: str) -> tuple[AttachmentRef, ...]:
    """What must be read before a request is rendered."""
    return sent_whole(history.items, profile, model)


def cost(files: Sequence[AttachmentRef], whole: Mapping[str, AttachmentRef], cap: int) -> int:
    """About how many tokens the files of one message take; `cap` bounds its text files together."""
    texts = sum(not file.image for file in files)
    spent = 0
    for file in files:
        spent += MESSAGE + estimate(file.name)
        if file.id not in whole:
            continue
        spent += IMAGE_TOKENS if file.image else min(int(file.size * _TOKENS_PER_BYTE) + 1, cap // texts)
    return spent


def content(
    text: str,
    files: Sequence[AttachmentRef],
    contents: Mapping[str, FileContent | None],
    whole: Mapping[str, AttachmentRef],
    sees: bool,
    shortened: Any,
) -> str | list[Part]:
    """The content of a message with files: a string, or parts if there are pictures to see.

    `shortened(text)` gives a text file's text within its share of the window.
    """
    pieces = [text] if text.strip() else []
    parts: list[Part] = []
    for file in files:
        found = contents.get(file.id) if file.id in whole else None
        if file.image and found is not None:
            pieces.append(f"[Attached image: {name_of(file)}]")
            parts += [_text(pieces), _picture(found)]
            pieces = []
        elif file.image:
            pieces.append(f"[Attached image: {name_of(file)}. {_why_not(file, whole, sees)}]")
        elif found is not None:
            pieces.append(_fenced(file, found.data.decode("utf-8-sig", "replace"), shortened))
        else:
            pieces.append(f"[Attached file: {name_of(file)}. {_why_not(file, whole, True)}]")
    if not parts:
        return "\n\n".join(pieces)
    return [*parts, _text(pieces)] if pieces else parts


def _why_not(file: AttachmentRef, whole: Mapping[str, AttachmentRef], sees: bool) -> str:
    if not sees:
        return "This model cannot see images."
    return (
        "It cannot be read any more." if file.id in whole else "Left out here, because newer ones are shown."
    )


def _fenced(file: AttachmentRef, text: str, shortened: Any) -> str:
    text = "\ufffd".join(re.split("[\ud800-\udfff]|\0", text))
    lines = text.count("\n") + (not text.endswith("\n"))
    fence = "`" * max(3, *(len(found) + 1 for found in _FENCE.findall(text)), 3)
    body = shortened(text)
    end = "" if body.endswith("\n") else "\n"
    return f"[Attached file: {name_of(file)}, {lines} lines]\n{fence}\n{body}{end}{fence}"


def name_of(file: AttachmentRef) -> str:
    """The file's name, fit for a line of its own."""
    return _CONTROL.sub(" ", file.name).strip() or "file"


def _text(pieces: Sequence[str]) -> Part:
    return {"type": "text", "text": "\n\n".join(pieces)}


def _picture(found: FileContent) -> Part:
    data = base64.b64encode(found.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{found.media_type};base64,{data}"}}


def joined(first: str | list[Part] | None, second: str | list[Part] | None) -> str | list[Part]:
    """Two contents as one."""
    if isinstance(first, list) or isinstance(second, list):
        return [*_parts(first), *_parts(second)]
    return "\n\n".join(part for part in (first, second) if part)


def _parts(content: str | list[Part] | None) -> Iterable[Part]:
    return content if isinstance(content, list) else [_text([content])] if content else []
