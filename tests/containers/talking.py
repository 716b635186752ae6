"""People who use containers that run: a real page in Chromium, and sockets through the proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import expect, sync_playwright
from websockets.exceptions import ConnectionClosed

from tests.browser.chat import Chat
from tests.browser.conftest import FLAGS
from tests.containers.project import PASSWORD, PERSON, Project
from tests.support.chromium import find_chromium
from tests.support.waiting import wait_until
from tests.support.wire import Wire, login

#: Sockets that are open while it is counted which server has how many.
SOCKETS = 24
#: Connections that are established to a web server's port 8000, from within its container.
COUNT = "awk '$2 ~ /:1F40$/ && $4 == \"01\"' /proc/net/tcp /proc/net/tcp6 | wc -l"


@contextmanager
def browser(address: str) -> Iterator[Chat]:
    """A new page in Chromium; at the end no script has failed in it."""
    path = find_chromium()
    assert path, "No Chromium found. Run `make tools`, or install the package `chromium`."
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            chat = Chat(running.new_page(), address)
            chat.page.set_default_timeout(30_000)
            yield chat
            assert not chat.problems, chat.problems
        finally:
            running.close()


def talk(chat: Chat) -> list[dict[str, Any]]:
    """Chat, have two tools used, and load the page again; what it shows."""
    chat.begin("What is 12 * 34?")
    chat.wait_until_done(60)
    chat.say("What time is it in Tokyo?")
    chat.wait_until_done(60)
    shown = chat.shown()
    chat.page.reload()
    # What is written in Markdown is there as such for a moment.
    wait_until(lambda: chat.shown() == shown, 30, lambda: f"{shown} after a reload, not {chat.shown()}")
    calls = [(call["name"], call["status"]) for row in shown for call in row["calls"]]
    assert calls == [("calculator", "succeeded"), ("current_time", "succeeded")], calls
    assert "408" in str(shown), shown
    return shown


def page(project: Project) -> str:
    """Log in, chat, and have two tools used, in Chromium."""
    with browser(project.address) as chat:
        chat.log_in(PERSON)
        talk(chat)
    return (
        "a login, an answer from the calculator and one from the clock in Chromium; the same after a reload"
    )


async def shared_out(project: Project) -> dict[str, int]:
    """How many of SOCKETS sockets through the proxy each web container has."""
    cookies = await asyncio.to_thread(login, project.address, PERSON, PASSWORD)
    before = {one: await _count(project, one) for one in project.containers("web")}
    wires = [Wire(project.address, cookies) for _ in range(SOCKETS)]
    try:
        for wire in wires:
            await wire.__aenter__()
        return {one: await _count(project, one) - number for one, number in before.items()}
    finally:
        await asyncio.gather(*(wire.__aexit__() for wire in wires if wire._socket is not None))


async def _count(project: Project, container: str) -> int:
    return int(await asyncio.to_thread(project.execute, container, "sh", "-c", COUNT))


def balance(project: Project) -> str:
    """Every web container has some of the sockets."""
    found = asyncio.run(shared_out(project))
    assert len(found) > 1 and all(found.values()), found
    return f"{SOCKETS} sockets at one address are at {len(found)} web containers: {sorted(found.values())}"


def moved(project: Project) -> str:
    """A socket whose server is stopped comes back at the other one, with its cursor."""
    return asyncio.run(_moved(project))


async def _moved(project: Project) -> str:
    cookies = await asyncio.to_thread(login, project.address, PERSON, PASSWORD)
    one, two = project.containers("web")
    before = await _count(project, one)
    async with Wire(project.address, cookies) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        assert (await wire.say(conversation, "What is 12 * 34?"))["status"] == "applied"
        await wire.until(lambda frame: "run.finished" in str(frame), 60)
        cursor = await _head(wire, conversation)
        its = one if await _count(project, one) > before else two
        stopping = asyncio.create_task(asyncio.to_thread(project.stop, its))
        await _until_gone(wire)
        goodbyes = [frame for frame in wire.frames if frame["type"] == "goaway"]
    # While the first is still ending: no step in between, as a page does it.
    async with Wire(project.address, cookies) as wire:
        frames = await wire.open(conversation, cursor)
        kinds = [frame["type"] for frame in frames]
        assert "snapshot" not in kinds and frames[-1]["cursor"] == cursor, kinds
        took, status = await stopping
        assert status != 137, f"web had to be killed after {took:.1f} s"
        assert (await wire.say(conversation, "And 5 + 6?"))["status"] == "applied"
        await wire.until(lambda frame: "run.finished" in str(frame), 60)
    await asyncio.to_thread(project.engine.docker, "start", its)
    await asyncio.to_thread(project.healthy, "web", 2)
    assert goodbyes, "The server left without a goaway."
    return f"goaway, then synced at the other server from its cursor, no snapshot; the first ended in {took:.1f} s"


async def _head(wire: Wire, conversation: str) -> str:
    """The cursor of the last event: nothing comes for a second."""
    try:
        while True:
            await wire.receive(1)
    except TimeoutError:
        told = [
            f
            for f in wire.frames
            if f.get("conversation") == conversation and f["type"] in ("event", "synced")
        ]
        return str(told[-1]["cursor"])


async def _until_gone(wire: Wire) -> None:
    frame: dict[str, Any] = {}
    try:
        while frame.get("type") != "goaway":
            frame = await wire.receive(20)
    except ConnectionClosed:
        return
