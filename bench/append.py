"""One append (reduce aside: the store's script) beside one PING over the same client."""

import json
import time
from typing import Any
from uuid import uuid4

from agents import events as e
from bench.place import Place, Row, median
from chat.runtime import current
from chat.session.state import EMPTY, merge, reduce


async def measure(place: Place, rounds: int = 2_000) -> list[Row]:
    """Appends and PINGs take turns; the ratio is of medians over all rounds. The journal is measured beside it."""
    sessions = current().sessions
    owner = place.stack.sql("select id from auth_user where username = ?", "alice")[0][0]
    conversation = str(uuid4())
    await sessions.create(conversation, owner, "assistant", "append", "web")
    redis = place.redis()
    loaded = await sessions.store.load(conversation)
    assert loaded is not None
    position = loaded.position
    state = merge(EMPTY, reduce(EMPTY, e.ConversationCreated(at=0, title="", agent="assistant"), 1))
    appends: list[float] = []
    pings: list[float] = []
    for number in range(rounds):
        event = e.NoteAdded(at=number, message=str(uuid4()), text="A note of some length. " * 4)
        patch = reduce(state, event, position.seq + 1)
        state = merge(state, patch)
        begin = time.perf_counter()
        appended = await sessions.store.append(conversation, position, [e.to_json(event)], _texts(patch))
        appends.append(time.perf_counter() - begin)
        position = appended.position
        begin = time.perf_counter()
        await redis.ping()
        pings.append(time.perf_counter() - begin)
    await redis.aclose()
    ratio = median(appends) / median(pings)
    whole = await _whole(sessions, owner)
    return [
        Row(
            "one append (Redis)",
            f"{median(appends) * 1e6:.0f} µs",
            f"{median(pings) * 1e6:.0f} µs PING",
            f"{ratio:.2f}",
            "≤ 2",
        ),
        Row(
            "one append with its journal row (SQLite)",
            f"{whole * 1e6:.0f} µs",
            "",
            f"{whole / median(pings):.1f}",
        ),
    ]


def _texts(patch: dict[str, Any]) -> dict[str, str | None]:
    return {
        k: None if v is None else json.dumps(v, ensure_ascii=False, separators=(",", ":"))
        for k, v in patch.items()
    }


async def _whole(sessions: Any, owner: int) -> float:
    conversation = str(uuid4())
    await sessions.create(conversation, owner, "assistant", "append", "web")
    took = []
    for number in range(200):
        event = e.NoteAdded(at=number, message=str(uuid4()), text="A note of some length. " * 4)
        begin = time.perf_counter()
        await sessions.append(conversation, lambda view, event=event: [event])
        took.append(time.perf_counter() - begin)
    return median(took)
