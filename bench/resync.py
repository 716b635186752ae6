"""Time and bytes from an open socket to `synced`, by length of the conversation, beside the same bytes relayed bare."""

import time

import websockets

from bench.histories import write_history
from bench.place import Place, Row, median
from tests.support.wire import Wire

LENGTHS = (10, 100, 1_000, 10_000)


async def measure(place: Place, rounds: int = 15) -> list[Row]:
    """One row per length. Both sides take turns, round by round, so that a noisy moment hits both."""
    owner = place.stack.sql("select id from auth_user where username = ?", "alice")[0][0]
    cookies = place.cookies()
    redis = place.redis()
    medians: dict[int, float] = {}
    rows = []
    for length in LENGTHS:
        conversation = await write_history(owner, length)
        ours: list[float] = []
        bare: list[float] = []
        size = 0
        for number in range(rounds + 2):
            took, size = await _synced(place.stack.address, cookies, conversation)
            key = f"bench:list:{length}"
            if number == 0:
                await redis.delete(key)
                await redis.rpush(key, *["x" * 1000] * max(1, round(size / 1001)))  # type: ignore[misc]
            base, _ = await _listed(place.relay_url, key)
            if number >= 2:
                ours.append(took)
                bare.append(base)
        medians[length] = median(ours)
        ratio = median([a / b for a, b in zip(ours, bare, strict=True)])
        rows.append(
            Row(
                f"open → synced, {length:,} messages ({size:,} bytes)",
                f"{median(ours) * 1000:.1f} ms",
                f"{median(bare) * 1000:.1f} ms",
                f"{ratio:.2f}",
                "≤ 2",
            )
        )
    growth = medians[10_000] / medians[100]
    rows.append(Row("… at 10,000 against 100 messages", f"{growth:.2f}", "", "", "≤ 1.3"))
    await redis.aclose()
    return rows


async def _synced(address: str, cookies: str, conversation: str) -> tuple[float, int]:
    async with Wire(address, cookies) as wire:
        wire.bytes_in = 0
        begin = time.perf_counter()
        await wire.open(conversation)
        return time.perf_counter() - begin, wire.bytes_in


async def _listed(url: str, key: str) -> tuple[float, int]:
    async with websockets.connect(url, max_size=None, compression=None, ping_interval=None) as socket:
        begin = time.perf_counter()
        size = 0
        await socket.send(f"list {key}")
        while (text := await socket.recv()) != "end":
            size += len(text)
        return time.perf_counter() - begin, size
