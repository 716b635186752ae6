"""All that the journal has of a conversation as JSON, streamed: however long it is, little of it is in memory.

The file has each event as the text that its tag was hashed over, with the tag, so that whoever has it can check the
chain; the attached files, up to a bound; and the settings of its requests, for those who may see prompts.
"""

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from agents import events as e
from chat.models import Attachment, Conversation, Event, RequestSettings
from chat.portable import FORMAT, MAX_FILES_BYTES

log = logging.getLogger(__name__)


def lines(row: Conversation, *, prompts: bool = True, also: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The file, piece by piece. `prompts`: with the settings of its requests, the agent's prompt among them. `also`:
    what stands in it for others than the import."""
    about = {
        "format": FORMAT,
        "id": str(row.pk),
        "title": row.title,
        "agent": row.agent,
        "entrance": row.entrance,
        "owner": row.owner.get_username(),
        "created_at": row.created_at,
        "head": {"seq": row.head_seq, "tag": row.head_tag},
    }
    yield json.dumps(about, ensure_ascii=False)[:-1] + ',\n"events": [\n'
    used: set[str] = set()
    first = True
    rows = Event.objects.filter(conversation=row, seq__lte=row.head_seq).order_by("seq")
    for event in rows.iterator(chunk_size=500):
        told = {"seq": event.seq, "tag": event.tag, "command": event.command, "text": event.text}
        yield ("" if first else ",\n") + json.dumps(told, ensure_ascii=False)
        first = False
        if event.type == "step.started" and isinstance(started := e.from_json(event.text), e.StepStarted):
            used |= {started.request.settings} if started.request else set()
    yield '\n],\n"files": {'
    yield from _files(row)
    yield "}"
    if prompts:
        kept = RequestSettings.objects.filter(digest__in=sorted(used)).values_list("digest", "text")
        yield ',\n"settings": ' + json.dumps(dict(kept), ensure_ascii=False)
    for name, value in (also or {}).items():
        yield f",\n{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
    yield "}\n"


def _files(row: Conversation) -> Iterator[str]:
    room, first = MAX_FILES_BYTES, True
    for file in Attachment.objects.filter(conversation=row).order_by("created_at", "id"):
        told = {"name": file.name, "media_type": file.media_type, "size": file.size, "sha256": file.sha256}
        if file.size <= room and (data := _bytes(file)) is not None:
            room -= file.size
            told["data"] = base64.b64encode(data).decode()
        yield (
            "\n" if first else ",\n"
        ) + f"{json.dumps(str(file.pk))}: {json.dumps(told, ensure_ascii=False)}"
        first = False


def _bytes(file: Attachment) -> bytes | None:
    try:
        with file.file.open("rb") as opened:
            data: bytes = opened.read()
    except OSError as problem:
        log.warning("Attachment %s cannot be read: %s", file.pk, problem)
        return None
    return data
