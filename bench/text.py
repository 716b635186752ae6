"""Streaming text: from its birth to the frame that a browser gets, at 1, 50 and 200 streams of 50 tokens/s.

Three paths, each with one web process:

    whole    model server → worker → log → web → socket, as in production
    web      pieces written to the log as a worker writes them (coalesced over 40 ms) → web → socket
    bare     XADD of every token → the bare relay → socket

The machine has few cores, and model server, workers, Valkey and this client live on them too; the CPU of the web
process is what carries over. It is saturated when it uses a whole core: latency is then the length of a queue.
"""

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field

import websockets

from bench.place import PER_PERSON, ROOT, Place, Row, _wait_for_port, cpu_seconds, median, percentile
from tests.support.ports import claim_port
from tests.support.processes import clean_environment
from tests.support.wire import Wire, new_id

LEVELS = (1, 50, 200)
RATE = 50
SECONDS = 8
#: As agents/loop.py coalesces (seconds).
COALESCE = 0.04


@dataclass
class Seen:
    """What the clients of one measurement saw."""

    tokens: int = 0
    frames: int = 0
    latencies: list[float] = field(default_factory=list)
    #: When the first text of each stream came, on the clock of `time.monotonic`, s.
    first: dict[int, float] = field(default_factory=dict)
    rest: dict[int, str] = field(default_factory=dict)

    def take(self, stream: int, text: str) -> None:
        """Text of one frame, which may begin or end inside a token."""
        now = time.monotonic() * 1000
        self.first.setdefault(stream, now / 1000)
        whole = self.rest.get(stream, "") + text
        *stamps, self.rest[stream] = whole.split(" ")
        self.frames += 1
        self.tokens += len(stamps)
        self.latencies += [now - float(stamp) for stamp in stamps if stamp]


class BenchModel:
    """The model server of bench/model.py as a process: `with BenchModel() as model: model.url`."""

    def __init__(self) -> None:
        self.port = claim_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "BenchModel":
        argv = [
            sys.executable,
            "-m",
            "daphne",
            "-v",
            "0",
            "-b",
            "127.0.0.1",
            "-p",
            str(self.port),
            "bench.model:application",
        ]
        self._process = subprocess.Popen(argv, cwd=ROOT, env=clean_environment())
        _wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)


async def measure(place: Place) -> list[Row]:
    """One row per path and level."""
    rows = []
    bare = {}
    for streams in LEVELS:
        bare[streams] = await _bare(place, streams)
        whole = await _whole(place, streams)
        rows.append(_row("whole path", streams, (whole.seen, whole.cpu["web"], whole.wall), bare[streams]))
        rows += _of_all(streams, whole)
    # A worker would take the runs of the next measurement for lost ones, and sweep them up.
    place.stack.process("worker").stop()
    for streams in LEVELS:
        rows.append(_row("web process", streams, await _web(place, streams), bare[streams]))
    return rows


@dataclass
class Whole:
    """The whole path: seconds of the processor by process, of all, and until each stream had shown its first token."""

    seen: Seen
    cpu: dict[str, float]
    wall: float
    firsts: list[float]


def _of_all(streams: int, whole: Whole) -> list[Row]:
    each = {name: spent * 1000 / max(1, whole.seen.tokens) for name, spent in whole.cpu.items()}
    told = " + ".join(f"{one:.3f}" for one in each.values())
    firsts = f"{percentile(whole.firsts, 0.5):.1f} / {max(whole.firsts):.1f} s ({len(whole.firsts)})"
    return [
        Row(
            f"… a token with its part of its turn, CPU of {' + '.join(each)}",
            f"{sum(each.values()):.2f} ms ({told})", "", "",
        ),
        Row(f"… {streams} start together: the first token is shown, p50 / last", firsts, "", "", "≤ 3 s"),
    ]  # fmt: skip


def _row(
    name: str, streams: int, ours: "tuple[Seen, float, float]", bare: "tuple[Seen, float, float]"
) -> Row:
    def words(seen: Seen, cpu: float, wall: float) -> str:
        if not seen.latencies:
            return "nothing came"
        share = cpu / wall * 100
        wait = f"{median(seen.latencies):.0f} / {percentile(seen.latencies, 0.99):.0f} ms"
        full = " (saturated)" if share > 90 else ""
        pace = f"{seen.tokens / wall:,.0f} tokens/s"
        return f"{pace}, {wait}, CPU {share:.0f} %{full}, {seen.frames / wall:,.0f} frames/s"

    per_token = [cpu / max(1, seen.tokens) for seen, cpu, _ in (ours, bare)]
    return Row(
        f"text, {name}, {streams} × {RATE}/s (p50 / p99)",
        words(*ours),
        words(*bare),
        f"{per_token[0] / per_token[1]:.2f} (CPU per token)",
        "10,000 tokens/s not saturated" if streams == 200 else "",
    )


async def _watch(
    place: Place,
    cookies: str,
    conversation: str,
    stream: int,
    seen: Seen,
    ready: asyncio.Event,
    go: asyncio.Event | None,
) -> None:
    """One reader of one conversation. With `go` it begins the conversation and speaks when that is set."""
    async with Wire(place.stack.address, cookies) as wire:
        if go is not None:
            conversation = await wire.begin()
        await wire.open(conversation)
        ready.set()
        if go is not None:
            await go.wait()
            body = {"kind": "send", "message": new_id(), "text": "go"}
            await wire.send({"type": "command", "id": new_id(), "conversation": conversation, "body": body})
        while True:
            frame = await wire.receive(120)
            wire.frames.clear()
            if frame["type"] == "part":
                seen.take(stream, frame["text"])
            elif frame["type"] == "event" and frame["event"]["type"] in ("run.finished", "run.failed"):
                return


async def _whole(place: Place, streams: int) -> Whole:
    people = await asyncio.to_thread(place.people, 1 + streams // PER_PERSON)
    seen = Seen()
    go = asyncio.Event()
    watchers = await _watchers(place, people, [""] * streams, seen, go)
    assert place.valkey.process is not None
    pids = {name: place.stack.process(name).pid for name in ("web", "worker")}
    pids["Valkey"] = place.valkey.process.pid
    spent, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    go.set()
    await _drain(watchers, SECONDS * 12)
    wall = time.monotonic() - began
    spent = {name: cpu_seconds(pid) - spent[name] for name, pid in pids.items()}
    return Whole(seen, spent, wall, [first - began for first in seen.first.values()])


async def _web(place: Place, streams: int) -> tuple[Seen, float, float]:
    from bench.pieces import begin_streaming

    people = await asyncio.to_thread(place.people, 1 + streams // PER_PERSON)
    seen = Seen()
    conversations = [new_id() for _ in range(streams)]
    from chat.runtime import current  # once Django is set up; BenchModel is needed before

    sessions = current().sessions
    for stream, conversation in enumerate(conversations):
        await begin_streaming(sessions, people[stream // PER_PERSON][0], conversation)
    watchers = await _watchers(place, people, conversations, seen)
    pid = place.stack.process("web").pid
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.pieces",
        str(RATE),
        str(SECONDS),
        *conversations,
        cwd=ROOT,
        env=place.stack.env,
    )
    cpu, wall = cpu_seconds(pid), time.monotonic()
    await writer.wait()
    await _drain(watchers, 30)
    return seen, cpu_seconds(pid) - cpu, time.monotonic() - wall


async def _watchers(
    place: Place,
    people: list[tuple[int, str]],
    conversations: list[str],
    seen: Seen,
    go: asyncio.Event | None = None,
) -> "list[asyncio.Task[None]]":
    tasks = []
    for stream, conversation in enumerate(conversations):
        ready = asyncio.Event()
        cookies = people[stream // PER_PERSON][1]
        tasks.append(asyncio.create_task(_watch(place, cookies, conversation, stream, seen, ready, go)))
        await asyncio.wait_for(ready.wait(), 30)
    return tasks


async def _drain(tasks: "list[asyncio.Task[None]]", seconds: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _bare(place: Place, streams: int) -> tuple[Seen, float, float]:
    seen = Seen()
    keys = [f"bench:stream:{streams}:{number}" for number in range(streams)]

    async def watch(stream: int, key: str, ready: asyncio.Event) -> None:
        async with websockets.connect(place.relay_url, compression=None, ping_interval=None) as socket:
            await socket.send(f"relay {key}")
            ready.set()
            while True:
                text = await socket.recv()
                if text == "end":
                    return
                seen.take(stream, str(text))

    tasks = []
    for stream, key in enumerate(keys):
        ready = asyncio.Event()
        tasks.append(asyncio.create_task(watch(stream, key, ready)))
        await ready.wait()
    await asyncio.sleep(
        0.5
    )  # The relay's XREAD, which blocks for 0.1 s, has to come round to see the last key.
    cpu, wall = cpu_seconds(place.relay_pid), time.monotonic()
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.pieces",
        "--bare",
        str(RATE),
        str(SECONDS),
        *keys,
        cwd=ROOT,
        env=place.stack.env,
    )
    await writer.wait()
    await _drain(tasks, 30)
    return seen, cpu_seconds(place.relay_pid) - cpu, time.monotonic() - wall
