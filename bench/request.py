"""Building one request to the model: the history out of SQL, rendered and checked, for 50 and for 2,000 turns."""

import time

from agents.dialects.requests import render, validate
from agents.profiles import get
from agents.transcript.room import ModelSettings
from bench.histories import write_history
from bench.place import Place, Row, median
from chat.runtime import current

TURNS = (50, 2_000)


async def measure(place: Place, rounds: int = 30) -> list[Row]:
    """Both lengths take turns. A worker loads the history once for a run and renders it once for a step."""
    owner = place.stack.sql("select id from auth_user where username = ?", "alice")[0][0]
    sessions = current().sessions
    conversations = {turns: await write_history(owner, turns * 4) for turns in TURNS}
    profile, ask = get("openai-chat"), ModelSettings("m", "You are a helpful assistant.", (), 60_000)
    loading: dict[int, list[float]] = {turns: [] for turns in TURNS}
    building: dict[int, list[float]] = {turns: [] for turns in TURNS}
    for _ in range(rounds):
        for turns, conversation in conversations.items():
            begin = time.perf_counter()
            history = await sessions.history(conversation)
            loaded = time.perf_counter()
            assert not validate(render(history, profile, ask), profile)
            loading[turns].append(loaded - begin)
            building[turns].append(time.perf_counter() - loaded)
    return [
        _row("rendered and checked", building, "≤ 20 ms"),
        _row("history out of SQL, once per run", loading, ""),
    ]


def _row(what: str, took: dict[int, list[float]], aim: str) -> Row:
    few, many = (median(took[turns]) * 1000 for turns in TURNS)
    return Row(
        f"request of 2,000 turns: {what}",
        f"{many:.1f} ms",
        f"{few:.1f} ms for 50 turns",
        f"{many / few:.2f}",
        aim,
    )
