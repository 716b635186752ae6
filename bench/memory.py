"""Resident memory of the web process for each idle connection, beside the bare relay's."""

import asyncio
from contextlib import AsyncExitStack

import websockets

from bench.place import PER_PERSON, Place, Row, resident_kib
from tests.support.wire import Wire

WARM, CONNECTIONS = 100, 500


async def measure(place: Place) -> list[Row]:
    """One row: KiB per socket that has said hello and opened a conversation. A first hundred warms both up."""
    people = await asyncio.to_thread(place.people, 1 + (WARM + CONNECTIONS) // PER_PERSON)
    web = place.stack.process("web").pid
    conversations = []
    for _, cookies in people:
        async with Wire(place.stack.address, cookies) as talker:
            conversations.append(await talker.begin())
    async with AsyncExitStack() as stack:
        sizes = []
        opened = 0
        for count in (WARM, CONNECTIONS):
            for _ in range(count):
                person = opened // PER_PERSON
                opened += 1
                wire = await stack.enter_async_context(Wire(place.stack.address, people[person][1]))
                await wire.open(conversations[person])
                wire.frames.clear()
            await asyncio.sleep(1)
            sizes.append(resident_kib(web))
        ours = (sizes[1] - sizes[0]) / CONNECTIONS
    async with AsyncExitStack() as stack:
        sizes = []
        for count in (WARM, CONNECTIONS):
            for _ in range(count):
                socket = await stack.enter_async_context(
                    websockets.connect(place.relay_url, compression=None, ping_interval=None)
                )
                await socket.send("relay bench:idle")
            await asyncio.sleep(1)
            sizes.append(resident_kib(place.relay_pid))
        bare = (sizes[1] - sizes[0]) / CONNECTIONS
    return [
        Row(
            "memory per idle connection",
            f"{ours:.0f} KiB",
            f"{bare:.0f} KiB",
            f"{ours / max(bare, 1):.2f}",
            "≤ 40 KiB",
        ),
    ]
