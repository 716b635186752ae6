"""A conversation as server-sent events: pure writing, and the loop that sends what is followed.

    event: snapshot   id: <cursor>   the whole state; again whenever what you have cannot be continued
    event: event      id: <cursor>   {"seq", "cursor", "event"}: the next event of the journal
    event: part                      {"step", "kind", "offset", "text"}: text that streams, no event yet
    event: gone                      the conversation was deleted
    : still here                     every few seconds of silence

`Last-Event-ID` (or the parameter `cursor`) is where the reader is: it gets what came after that, and nothing twice.
"""

import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from agents.work import THINKING
from chat.following import QUIET_S, Following, Gone, Quiet, Snapshot, Told
from chat.http import sse
from chat.session.contract import Loaded, LogPart
from chat.session.paths import path_of
from chat.tokens.bearer import still
from chat.tokens.limits import limits
from chat.tokens.store import Bearer

quote = json.JSONEncoder(ensure_ascii=False).encode
#: Milliseconds after which a client is to come back.
RETRY_MS = 1_000


def state(conversation: str, loaded: Loaded) -> str:
    """`StateOut` as JSON, put together from what is JSON already: nothing is parsed but the title."""
    info = json.loads(loaded.fields.get("info") or "null") or {"title": "", "agent": ""}
    items = ",".join(_items(loaded.fields))
    part = "null" if loaded.part is None else part_of(loaded.part.message, 0, loaded.part.text)
    return (
        f'{{"id":"{conversation}","title":{quote(info["title"])},"agent":{quote(info["agent"])},'
        f'"cursor":"{loaded.position.cursor}","run":{loaded.fields.get("run") or "null"},"items":[{items}],'
        f'"part":{part}}}'
    )


def part_of(message: str, offset: int, text: str) -> str:
    """`PartOut` as JSON."""
    kind = "reasoning" if message.endswith(THINKING) else "text"
    step = message.removesuffix(THINKING)
    return f'{{"step":{quote(step)},"kind":"{kind}","offset":{offset},"text":{quote(text)}}}'


def _items(fields: Mapping[str, str]) -> list[str]:
    keys = sorted((key for key in fields if key.startswith("i:")), key=lambda key: int(key[2:]))
    if "branches" not in fields:
        return [fields[key] for key in keys]
    # What is held of other branches, because something of it is open, is not shown.
    path = path_of(json.loads(fields["branches"]))
    return [
        fields[key] for key in keys if path.holds(json.loads(fields[key]).get("branch", ""), int(key[2:]))
    ]


async def events(
    following: Following, conversation: str, cursor: str, bearer: Bearer, *, check_s: float = QUIET_S
) -> AsyncGenerator[str, None]:
    """The stream, until its reader leaves, the conversation is gone, or the token has ended, which is looked at every
    `check_s` seconds."""
    seen_at = time.monotonic()
    with limits.open(bearer.token):
        yield f"retry: {RETRY_MS}\n\n"
        async with aclosing(following.entries(cursor)) as entries:
            async for entry in entries:
                if time.monotonic() - seen_at >= check_s:
                    if not await still(bearer):
                        return
                    seen_at = time.monotonic()
                match entry:
                    case Snapshot(loaded):
                        place = loaded.position.cursor
                        yield sse.event(state(conversation, loaded), name="snapshot", id=place)
                    case Told(place, text):
                        data = f'{{"seq":{place.seq},"cursor":"{place.cursor}","event":{text}}}'
                        yield sse.event(data, name="event", id=place.cursor)
                    case LogPart():
                        yield sse.event(part_of(entry.message, entry.offset, entry.text), name="part")
                    case Gone():
                        yield sse.event("{}", name="gone")
                    case Quiet():
                        yield sse.KEEP_ALIVE
