"""Everybody back at once: one web server is killed and started again, and all its sockets come back by themselves.

Three storms, one after another (STORMS chooses): alone, while RUNS (50) runs stream, and through nginx with the
configuration that docker-compose.yml gives it. Of the SOCKETS (2,000), TABS (300) are the web chat's own engine
(frontend/src/sync), with all that it asks over HTTP besides; the others do the same on the socket at little cost.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async

from bench.front import Nginx
from bench.histories import write_history
from bench.place import ROOT, Place, Row, cpu_seconds, percentile
from tests.support.waiting import wait_until

SOCKETS = int(os.environ.get("SOCKETS", "2000"))
TABS = int(os.environ.get("TABS", "300"))
RUNS = int(os.environ.get("RUNS", "50"))
#: People, each with a conversation that all their sockets open.
PEOPLE = 50
MESSAGES = 40
GIVE_UP_S = 90.0
IDLE_S = 30.0
STORMS = ("alone", "streaming", "nginx")
NAMES = {"alone": "", "streaming": f" while {RUNS} runs stream", "nginx": " through nginx"}

Person = dict[str, str]


async def measure(place: Place) -> list[Row]:
    """Rows of times, refusals and costs, for each storm."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        script = await asyncio.to_thread(_bundle, folder) if TABS else None
        people = await _people(SOCKETS)
        rows = []
        for kind in os.environ.get("STORMS", " ".join(STORMS)).split():
            print(f"  {kind}", file=sys.stderr, flush=True)
            rows += await _storm(place, kind, people, script)
    return rows


async def _storm(place: Place, kind: str, people: list[Person], script: Path | None) -> list[Row]:
    with ExitStack() as stack:
        web, port, meters = place.stack.process("web"), place.stack.web_port, {}
        again: Callable[[], Any] = functools.partial(place.stack.start, "web")
        speakers: list[Person] = []
        if kind == "streaming":
            await asyncio.to_thread(place.stack.start, "worker")
            stack.callback(place.stack.process("worker").kill)
            meters["worker"] = place.stack.process("worker").pid
            speakers = [one | {"say": "go"} for one in await _people(RUNS, per_person=5)]
        elif kind == "nginx":
            web.stop()
            again = functools.partial(place.stack.start, "web", DJANGO_BEHIND_PROXY="1")
            await asyncio.to_thread(again)
            nginx = await asyncio.to_thread(stack.enter_context, Nginx(place.stack.web_port))
            port, meters["nginx"] = nginx.port, nginx.pid
        every = len(people) // TABS if script else 0
        tabs = people[::every][:TABS] if every else []
        chosen = {id(one) for one in tabs}
        others = [one for one in people if id(one) not in chosen]
        groups = [await _clients([sys.executable, "-m", "bench.sockets", str(port)], others + speakers)]
        if script:
            groups.append(await _clients(["node", str(script), f"http://127.0.0.1:{port}"], tabs))
        for group in groups:
            stack.callback(_end, group)
        for group in groups:
            await _hear(group, b"ready\n")
        if speakers:
            await asyncio.to_thread(_all_run, place)
        place.stack.process("web").kill()
        for group in groups:
            await _hear(group, b"gone\n")
        await asyncio.to_thread(again)
        return await _measured(place, kind, groups, meters)


async def _measured(
    place: Place, kind: str, groups: list[asyncio.subprocess.Process], meters: dict[str, int]
) -> list[Row]:
    web = place.stack.process("web").pid
    assert place.valkey.process is not None
    pids = {"web": web, "Valkey": place.valkey.process.pid, **meters}
    redis = place.redis()
    before = await redis.info("commandstats")
    spent = {name: _cpu(pid) for name, pid in pids.items()}
    for group in groups:
        assert group.stdin is not None
        group.stdin.write(f"{time.monotonic()}\n".encode())
    told: list[list[list[Any]]] = [json.loads(await _line(group)) for group in groups]
    spent = {name: _cpu(pid) - spent[name] for name, pid in pids.items()}
    commands = _calls(await redis.info("commandstats")) - _calls(before)
    await redis.aclose()
    found = [one for some in told for one in some]
    count = len(found)
    rows = [
        Row(f"{count:,} sockets come back{NAMES[kind]}: p50 / p99 / last", _times(found), "", "", "≤ 6 s"),
        Row("… tries that were refused or closed", f"{sum(one[1] for one in found):,}", "", "", "0"),
        Row(
            f"… a socket: CPU of {' + '.join(spent)}, Redis commands",
            f"{' + '.join(f'{one / count * 1000:.1f}' for one in spent.values())} ms, {commands / count:.1f}",
            "", "", "≤ 2 ms",
        ),
    ]  # fmt: skip
    if len(told) > 1:
        rows.insert(1, Row(f"… {len(told[1]):,} of them the web chat's own engine", _times(told[1]), "", ""))
    if texts := [one[2] for one in told[0] if one[2]]:
        waits = [wait for some in texts for wait in some]
        said = (
            f"{percentile(waits, 0.5):.0f} / {percentile(waits, 0.99):.0f} ms, {len(texts)} of {RUNS} go on"
        )
        rows.append(Row("… a token, from the model to a socket that is back: p50 / p99", said, "", ""))
    if kind == "alone":
        idle = cpu_seconds(web)
        await asyncio.sleep(IDLE_S)
        idle = (cpu_seconds(web) - idle) / IDLE_S
        what = f"{count:,} sockets that only listen"
        rows.append(Row(what, f"{idle * 100:.0f} % of a core", "", "", "≤ 3 % for 1,000"))
    return rows


def _times(found: list[list[Any]]) -> str:
    times = [max(0.0, one[0]) for one in found if one[0] is not None]
    if not times:
        return f"none of {len(found)} came back"
    middle, late = percentile(times, 0.5), percentile(times, 0.99)
    return f"{middle:.1f} / {late:.1f} / {max(times):.1f} s ({len(times)} of {len(found)})"


def _cpu(pid: int) -> float:
    """Seconds of a process and of its children: nginx has some."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(cpu_seconds(int(one)) for one in told)


def _calls(stats: dict[str, Any]) -> int:
    return sum(one["calls"] for one in stats.values())


def _bundle(folder: Path) -> Path:
    """The tabs' program, made for Node."""
    argv = ["node", "scripts/clients.mjs", str(folder), "returning"]
    subprocess.run(argv, cwd=ROOT / "frontend", check=True, timeout=120)
    return folder / "returning.js"


async def _clients(argv: list[str], people: list[Person]) -> asyncio.subprocess.Process:
    pipe = subprocess.PIPE
    group = await asyncio.create_subprocess_exec(
        *argv, str(GIVE_UP_S), cwd=ROOT, stdin=pipe, stdout=pipe, limit=2**26
    )
    assert group.stdin is not None
    group.stdin.write("".join(json.dumps(one) + "\n" for one in people).encode() + b"\n")
    return group


async def _line(group: asyncio.subprocess.Process) -> bytes:
    assert group.stdout is not None
    return await group.stdout.readline()


async def _hear(group: asyncio.subprocess.Process, wanted: bytes) -> None:
    line = await _line(group)
    if line != wanted:
        raise RuntimeError(f"The clients said {line!r} where they should have said {wanted!r}.")


def _all_run(place: Place) -> None:
    """Wait until the runs of all who speak have begun, so that none of their messages is on its way."""

    def running() -> int:
        return int(place.stack.sql("SELECT count(*) FROM chat_run WHERE status = 'running'")[0][0])

    wait_until(lambda: running() >= RUNS, 20, lambda: f"{RUNS} runs to begin; {running()} have")


def _end(group: asyncio.subprocess.Process) -> None:
    if group.returncode is None:
        group.kill()


async def _people(count: int, per_person: int = 0) -> list[Person]:
    """A login for each socket; one person's open the same conversation."""
    from chat.entrances.web.greeting import token_of

    each = per_person or max(1, count // PEOPLE)
    assert each <= 50, "a person may have so many sockets"
    users = await sync_to_async(_log_in)(count, each)
    found = []
    conversation = ""
    for number, (user, cookie) in enumerate(users):
        if per_person or number % each == 0:
            conversation = await write_history(user, MESSAGES)
        token = token_of(cookie.partition("=")[2])
        found.append({"cookie": cookie, "token": token, "conversation": conversation})
    return found


def _log_in(count: int, per_person: int) -> list[tuple[int, str]]:
    """(id, cookie), several of one person after another."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = []
    user = None
    for number in range(count):
        if number % per_person == 0:
            name = f"bench{number}of{count}"
            user, _ = get_user_model().objects.get_or_create(username=name, defaults={"password": "x"})
        assert user is not None
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        found.append((user.pk, f"sessionid={session.session_key}"))
    return found
