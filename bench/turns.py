"""One turn with one tool call, alone and AT_ONCE (20) at the same time: processor time of all processes, and how long.

Beside the bare floor, and with PEERS beside Chainlit and LangGraph's dev server (requirements-peers.lock, installed
into a folder outside the repository). All are warm, and are asked one after another, ROUNDS (3) times; medians count.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from bench.peers import servers
from bench.peers.clients import Client
from bench.place import PER_PERSON, Place, Row, median
from scripts import environments

AT_ONCE = int(os.environ.get("AT_ONCE", "20"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
#: Turns in a round: of one conversation, and of each of those that speak at the same time.
ALONE, EACH = 20, 5
WARM_UP = 3


@dataclass(frozen=True)
class Found:
    """What one round took: milliseconds of the processor for each turn by process, seconds of each turn, and of all."""

    cpu: dict[str, float]
    took: list[float]
    wall: float


async def measure(place: Place) -> list[Row]:
    """Two rows for each number of conversations: processor time and time."""
    peers = bool(os.environ.get("PEERS"))
    people = await asyncio.to_thread(place.people, 1 + AT_ONCE // PER_PERSON)
    model = {name: place.stack.env[name] for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")}
    with ExitStack() as stack:
        all_servers = [servers.holdfast(place, people), stack.enter_context(servers.floor(model))]
        if peers:
            python = await asyncio.to_thread(environments.python, "peers")
            for start in (servers.chainlit, servers.langgraph):
                try:
                    all_servers.append(stack.enter_context(start(python, model)))
                except RuntimeError as error:  # ours are measured all the same
                    print(f"  {error}", file=sys.stderr, flush=True)
        rows = []
        for number, turns in ((1, ALONE), (AT_ONCE, EACH)):
            found: dict[str, list[Found]] = {one.name: [] for one in all_servers}
            for _ in range(ROUNDS):
                for server in all_servers:
                    found[server.name].append(await take_round(server, number, turns))
            rows += _rows(number, found)
        rows.append(_memory(all_servers))
    return rows


async def take_round(server: servers.Server, number: int, turns: int) -> Found:
    """So many conversations take so many turns each."""
    clients = [server.client(one) for one in range(number)]
    try:
        for client in clients:
            await client.__aenter__()
        for _ in range(WARM_UP):
            await asyncio.gather(*(_turn(client) for client in clients))
        before, began = server.spent(), time.monotonic()
        took = await asyncio.gather(*(_turns(client, turns) for client in clients))
        wall, after = time.monotonic() - began, server.spent()
    finally:
        # Together: each waits for a goodbye that stands behind what it has not read.
        await asyncio.gather(*(client.__aexit__(None, None, None) for client in clients))
    each = number * turns
    cpu = {name: (after[name] - before[name]) * 1000 / each for name in before}
    return Found(cpu, [one for some in took for one in some], wall)


async def _turns(client: Client, number: int) -> list[float]:
    return [await _turn(client) for _ in range(number)]


async def _turn(client: Client) -> float:
    began = time.monotonic()
    text = await client.turn()
    if not text.strip():
        raise RuntimeError(f"{type(client).__name__} answered nothing.")
    return time.monotonic() - began


def _rows(number: int, found: dict[str, list[Found]]) -> list[Row]:
    ours, bare = found.pop("Holdfast"), found.pop("bare floor")
    what = f"turn with a tool call, {number} at once"
    for name, some in {"Holdfast": ours, "bare": bare, **found}.items():
        print(f"  {what}, {name}: {[f'{sum(one.cpu.values()):.1f} ms' for one in some]}", file=sys.stderr)
    return [
        Row(
            f"{what}: CPU ({' + '.join(ours[0].cpu)})",
            f"{_cpu(ours):.0f} ms ({' + '.join(f'{one:.0f}' for one in _parts(ours))})",
            f"{_cpu(bare):.1f} ms",
            f"{_cpu(ours) / _cpu(bare):.1f}",
            "≤ 20 ms" if number == 1 else "≤ 25 ms",
            ", ".join(f"{name} {_cpu(some):.0f} ms" for name, some in found.items()),
        ),
        Row(
            "… p50 of a turn, turns a second",
            _times(ours),
            _times(bare),
            f"{_p50(ours) / _p50(bare):.1f}",
            "" if number == 1 else "≥ 60 turns/s",
            ", ".join(f"{name} {_times(some)}" for name, some in found.items()),
        ),
    ]


def _memory(all_servers: list[servers.Server]) -> Row:
    ours, bare, *peers = (one.resident() for one in all_servers)
    names = [one.name for one in all_servers[2:]]
    return Row(
        f"… memory after these turns ({' + '.join(ours)})",
        f"{' + '.join(f'{one:.0f}' for one in ours.values())} MiB",
        f"{sum(bare.values()):.0f} MiB",
        f"{sum(ours.values()) / sum(bare.values()):.1f}",
        peers=", ".join(
            f"{name} {sum(one.values()):.0f} MiB" for name, one in zip(names, peers, strict=True)
        ),
    )


def _parts(some: list[Found]) -> list[float]:
    return [median([one.cpu[name] for one in some]) for name in some[0].cpu]


def _cpu(some: list[Found]) -> float:
    return median([sum(one.cpu.values()) for one in some])


def _p50(some: list[Found]) -> float:
    return median([median(one.took) for one in some])


def _times(some: list[Found]) -> str:
    return f"{_p50(some) * 1000:.0f} ms, {median([len(one.took) / one.wall for one in some]):.1f}/s"
