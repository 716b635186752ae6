"""An image changed for another one under people who talk, in the order of docs/upgrading.md, and changed back.

While it goes on, somebody asks the published address ten times a second, and several people have runs going on: no
question may be refused, and every run must end well.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.containers.project import PASSWORD, PERSON, Project
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

PEOPLE = 3
#: What each of them asks for, over and over: a tool that takes so many seconds.
RESEARCH_S = 12
ENDS = ("run.finished", "run.failed", "run.stopped")


@dataclass
class Asking:
    """`with Asking(project) as asking:` asks /healthz ten times a second; `refused` is what it did not answer."""

    project: Project
    asked: int = 0
    refused: list[str] = field(default_factory=list)

    def __enter__(self) -> Asking:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(20)

    def _work(self) -> None:
        while not self._end.wait(0.1):
            self.asked += 1
            try:
                with urllib.request.urlopen(f"{self.project.address}/healthz", timeout=10) as answer:
                    answer.read()
            except OSError as problem:
                self.refused.append(f"{time.strftime('%H:%M:%S')} {problem}")


@dataclass
class Talking:
    """`with Talking(project) as talking:` several people ask for one long run after another, each over a socket that
    comes back when its server leaves. `bad` is what went wrong with them."""

    project: Project
    begun: int = 0
    came_back: int = 0
    bad: list[str] = field(default_factory=list)

    def __enter__(self) -> Talking:
        self._leaving = threading.Event()
        self._cookies = login(self.project.address, PERSON, PASSWORD)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._thread.start()
        wait_until(lambda: self.begun >= PEOPLE, 60, "everybody's run to go on")
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join(120)
        if self._thread.is_alive():
            self.bad.append("a run has not ended after two minutes")

    async def _all(self) -> None:
        done = await asyncio.gather(*(self._person() for _ in range(PEOPLE)), return_exceptions=True)
        self.bad += [repr(one) for one in done if one is not None]

    async def _person(self) -> None:
        conversation = cursor = ""
        ended = True
        while not (ended and self._leaving.is_set()):
            with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
                async with Wire(self.project.address, self._cookies) as wire:
                    self.came_back += bool(conversation)
                    conversation = conversation or await wire.begin()
                    frames = await wire.open(conversation, cursor or None)
                    ended = self._seen(frames) or ended
                    while True:
                        if ended:
                            if self._leaving.is_set():
                                return
                            await wire.say(conversation, f"Research rivers for {RESEARCH_S} seconds")
                            self.begun += 1
                            ended = False
                        frame = await wire.receive(60)
                        cursor = frame.get("cursor") or cursor
                        ended = self._seen([frame])
                        if frame["type"] == "goaway":
                            break
            await asyncio.sleep(0.2)

    def _seen(self, frames: list[dict[str, Any]]) -> bool:
        """Whether no run goes on any more, by the events or the snapshot among these frames."""
        ended = False
        for frame in frames:
            if frame["type"] == "snapshot":
                ended = frame["state"]["run"] is None
            elif frame["type"] == "event":
                ended = ended or frame["event"]["type"] in ENDS
        return ended


def told(project: Project) -> dict[str, int]:
    """How often each event is in the journal."""
    query = "select type, count(*) from chat_event group by type"
    argv = ["psql", "-U", "holdfast", "-d", "holdfast", "-At", "-F", " ", "-c", query]
    lines = project.execute(project.containers("postgres")[0], *argv).splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}


def change(project: Project, service: str, image: str, count: int) -> list[float]:
    """Containers of this image beside those that are there, then the end of the old ones, one after another: how long
    each took to end."""
    old = project.containers(service)
    project.image = image
    options = ("--no-deps", "--no-recreate")
    project.up(service, scale={service: len(old) + count}, options=options)
    project.healthy(service, len(old) + count)
    took = []
    for one in old:
        seconds, status = project.stop(one)
        assert status != 137, f"{service} had to be killed after {seconds:.1f} s:\n{project.logs(service)}"
        took.append(seconds)
        project.engine.docker("rm", one)
    wanted = project.engine.docker("image", "inspect", "--format", "{{.Id}}", image)
    images = {project.engine.inspect(one, "{{.Image}}") for one in project.containers(service)}
    assert images == {wanted}, images
    return took


def upgrade(project: Project, image: str, count: int = 2, *, back: bool = False) -> str:
    """To this image in the order of docs/upgrading.md; `back`: to the one before, without migrations."""
    before = told(project)
    with Asking(project) as asking, Talking(project) as talking:
        if not back:
            project.image = image
            project.compose("run", "--rm", "--no-deps", "-T", "migrate")
        took = change(project, "worker", image, count) + change(project, "web", image, count)
    events = {name: number - before.get(name, 0) for name, number in told(project).items()}
    finished, moved = events.get("run.finished", 0), events.get("run.recovering", 0)
    assert not asking.refused, asking.refused[:5]
    assert not talking.bad, talking.bad[:3]
    assert finished >= PEOPLE and finished == events["run.queued"], events
    assert moved, f"No run was handed over: {events}"
    return (
        f"{asking.asked} questions, none refused; {finished} runs, all ended well, "
        f"{moved} times handed over; sockets came back {talking.came_back} times; "
        f"each container ended within {max(took):.1f} s"
    )
