"""What a person does in each combination, step by step, while others talk: each step says in the end what it saw."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx
from websockets.exceptions import ConnectionClosed

from tests.engines.parts import Trouble
from tests.engines.scene import ASKS, EngineScene
from tests.recovery.scenes import Writer
from tests.support.api_tokens import make_token
from tests.support.processes import password
from tests.support.waiting import eventually, wait_until
from tests.support.wire import Frame, Wire, login, new_id

WORKERS = ("worker", "worker2")
#: A text that takes two seconds to write.
LONG = "say 100"
#: Seconds that a stream of it must be ahead of its end, or somebody on the way has kept it back.
AHEAD_S = 0.5


@dataclass
class Seen:
    """What came of all rounds."""

    counts: Counter[str] = field(default_factory=Counter)
    #: Seconds from a worker's death until another had its run.
    takeovers: list[float] = field(default_factory=list)


class Visit:
    """Alice, at one link after the other. `troubles` befall the servers, one in each round."""

    def __init__(self, scene: EngineScene, troubles: dict[str, Trouble]) -> None:
        self.scene = scene
        self.seen = Seen()
        self._troubles = list(troubles.items())
        self._links = 0
        self._rounds = 0
        self._token = ""

    async def round(self, until: float) -> None:
        """Every step once; after the first round only until this moment (monotonic seconds)."""
        steps = [self.page, self.approval, self.takeover, self.trouble, self.reconnect, self.stream]
        for step in steps:
            if self._rounds and time.monotonic() > until:
                return
            await step()
            self.seen.counts[step.__name__] += 1
        self._rounds += 1

    # ---- steps ----

    async def page(self) -> None:
        """The page and every file that it names come over HTTP."""
        link = self._link()
        cookies = await asyncio.to_thread(login, link, "alice", password("alice"))

        def load() -> None:
            page = _get(f"{link}/", cookies).decode()
            named = set(re.findall(r'(?:src|href)="([^"]+\.(?:js|css|svg|png|ico|woff2))"', page))
            assert named, "the page names no files"
            for name in named:
                address = urljoin(f"{link}/", name)
                assert address.startswith(f"{link}/"), f"{address} is not below {link}"
                assert _get(address, cookies), address
                self.seen.counts["files"] += 1

        await asyncio.to_thread(load)

    async def approval(self) -> None:
        """A call waits for a person's word, who gives it, and then has its effect."""
        async with self._wire() as wire:
            conversation = await wire.begin()
            await wire.open(conversation)
            assert (await wire.say(conversation, f"[{ASKS} 0 50] say 3"))["status"] == "applied"
            asked = await _event(wire, "approval.asked")
            body = {
                "kind": "approve",
                "decision": "approve",
                "call": asked["call"],
                "digest": asked["digest"],
            }
            assert (await wire.command(conversation, body))["status"] == "applied"
            settled = await _event(wire, "call.settled")
            assert settled["status"] == "succeeded", settled
            await _event(wire, "run.finished")

    async def takeover(self) -> None:
        """The worker of a run is killed while two of its tools run; the other goes on with it."""
        async with self._wire() as wire:
            alice = Writer(self.scene, wire, await wire.begin())
            await wire.open(alice.conversation)
            await alice.sees_a_run_work()
            owner = next(event for event in alice.events() if event["type"] == "run.started")
            label = next(
                one for one in WORKERS if f"-{self.scene.system.process(one).pid}-" in owner["worker"]
            )
            process = self.scene.system.process(label)
            process.kill()
            killed, before = time.monotonic(), process.written
            await wire.until(
                lambda frame: _is(frame, "run.started") and frame["event"]["worker"] != owner["worker"],
                40,
            )
            self.seen.takeovers.append(time.monotonic() - killed)
            process.start()
            await alice.ends_well()
            await eventually(lambda: process.says(" starts.", before), 40, f"{label} to be there")

    async def trouble(self) -> None:
        """Something befalls a server while a run is at work; what is said meanwhile gets through."""
        if not self._troubles:
            return
        name, befall = self._troubles[self._rounds % len(self._troubles)]
        async with self._wire() as wire:
            alice = Writer(self.scene, wire, await wire.begin())
            await alice.sees_a_run_work()
            asked = alice.asks("say 3")
            befalling = asyncio.create_task(asyncio.to_thread(befall))
            await asyncio.sleep(0.2)
            await alice.gets_through(asked, 60)
            await befalling
            await self._ready()
            await alice.ends_well(asked)
        self.seen.counts[name] += 1

    async def reconnect(self) -> None:
        """A link breaks in the middle of an answer, or the proxy ends; what was missed comes, once and in order."""
        restart = self.scene.parts.front.troubles.get("the proxy restarts")
        place = self._links
        wire = self._wire()
        async with wire:
            conversation = await wire.begin()
            cursor = (await wire.open(conversation))[-1]["cursor"]
            opened = len(wire.frames)
            alice = Writer(self.scene, wire, conversation)
            asked = alice.asks(LONG)
            await alice.gets_through(asked)
            if not any(frame["type"] == "part" for frame in wire.frames[opened:]):
                await wire.until(lambda frame: frame["type"] == "part", 40)
            cursor = _after(wire.frames[opened:], conversation, cursor)
            if restart is not None and self._rounds % 2 == 0:
                await asyncio.to_thread(restart)
                self.seen.counts["the proxy restarts"] += 1
            else:
                proxy = self.scene.proxies[place % len(self.scene.proxies)]
                proxy.cut()
                proxy.restore()
            try:
                while True:
                    cursor = _after([await wire.receive(20)], conversation, cursor)
            except ConnectionClosed:
                pass
        await eventually(self._answers, 30, "the next link to answer", every=0.2)
        async with self._wire() as again:
            ended = False
            for frame in await again.open(conversation, cursor):
                if frame["type"] == "snapshot":  # something was missed (W1)
                    cursor, run = frame["cursor"], frame["state"]["run"]
                    ended = run["ended_at"] is not None
                cursor = _after([frame], conversation, cursor)
            while not ended and not any(_is(frame, "run.finished") for frame in again.frames):
                cursor = _after([await again.receive(40)], conversation, cursor)
            await Writer(self.scene, again, conversation).ends_well(asked)

    async def stream(self) -> None:
        """A program follows a run by server-sent events, which come when they happen."""
        if not self._token:
            self._token = await make_token(self.scene, "alice")
        headers = {"Authorization": f"Bearer {self._token}"}
        first, finished = 0.0, 0.0
        async with httpx.AsyncClient(base_url=self._link(), headers=headers, timeout=40) as client:
            body = {"agent": "assistant", "text": LONG}
            answer = await client.post(
                "/api/v1/conversations", json=body, headers={"Idempotency-Key": new_id()}
            )
            assert answer.status_code == 201, answer.text
            where = f"/api/v1/conversations/{answer.json()['conversation']}/events"
            async with asyncio.timeout(40), client.stream("GET", where) as events:
                assert events.status_code == 200, events.status_code
                async for line in events.aiter_lines():
                    if line == "event: part":
                        first = first or time.monotonic()
                    if line.startswith("data: ") and '"run.finished"' in line:
                        finished = time.monotonic()
                        break
        assert first and finished - first > AHEAD_S, f"text came {finished - first:.2f} s before the end"

    # ---- what they share ----

    def _link(self) -> str:
        """The next one: people come by all of them."""
        self._links += 1
        return self.scene.links[(self._links - 1) % len(self.scene.links)]

    def _wire(self) -> Wire:
        link = self._link()
        return Wire(link, login(link, "alice", password("alice")))

    def _answers(self) -> bool:
        try:
            login(self.scene.links[self._links % len(self.scene.links)], "alice", password("alice"))
        except OSError:
            return False
        return True

    async def _ready(self) -> None:
        def ready() -> bool:
            return self.scene.system.status("/readyz") == 200

        await asyncio.to_thread(wait_until, ready, 60, "the system to be ready", 0.2)


def _get(address: str, cookies: str) -> bytes:
    request = urllib.request.Request(address, headers={"Cookie": cookies})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def _is(frame: Frame, kind: str) -> bool:
    return bool(frame["type"] == "event" and frame["event"]["type"] == kind)


async def _event(wire: Wire, kind: str) -> dict[str, Any]:
    """The next event of that type."""
    found: dict[str, Any] = (await wire.until(lambda frame: _is(frame, kind), 40))["event"]
    return found


def _after(frames: list[Frame], conversation: str, cursor: str) -> str:
    """The cursor after these frames, each event of which must follow the one before it."""
    for frame in frames:
        if frame["type"] == "event" and frame["conversation"] == conversation:
            assert frame["prev"] == cursor, f"an event after {frame['prev']} came after {cursor}"
            cursor = frame["cursor"]
    return cursor
