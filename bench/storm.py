"""Everybody back at once: one web server is killed and started again, and all its sockets come back by themselves."""

import asyncio
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

from asgiref.sync import sync_to_async

from bench.histories import write_history
from bench.place import ROOT, Place, Row, cpu_seconds, percentile

SOCKETS = int(os.environ.get("SOCKETS", "1000"))
#: Conversations, which the sockets share: one in a thousand opens another's would be worth nothing here.
CONVERSATIONS = 50
MESSAGES = 40
GIVE_UP_S = 90.0
IDLE_S = 30.0


async def measure(place: Place) -> list[Row]:
    """One row of times, one of refusals, one of costs."""
    people = await _people(place, SOCKETS)
    clients = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sockets", str(place.stack.web_port), str(GIVE_UP_S),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    assert clients.stdin is not None and clients.stdout is not None
    clients.stdin.write("".join(json.dumps(one) + "\n" for one in people).encode() + b"\n")
    assert await clients.stdout.readline() == b"ready\n"
    web = place.stack.process("web")
    web.kill()
    assert await clients.stdout.readline() == b"gone\n"
    await asyncio.to_thread(place.stack.start, "web")
    redis = place.redis()
    before = await redis.info("commandstats")
    assert place.valkey.process is not None
    store = place.valkey.process.pid
    spent, valkey = cpu_seconds(web.pid), cpu_seconds(store)
    clients.stdin.write(f"{time.monotonic()}\n".encode())
    found: list[list[Any]] = json.loads(await clients.stdout.readline())
    spent, valkey = cpu_seconds(web.pid) - spent, cpu_seconds(store) - valkey
    after = await redis.info("commandstats")
    commands = _calls(after) - _calls(before)
    await redis.aclose()
    idle = cpu_seconds(web.pid)
    await asyncio.sleep(IDLE_S)
    idle = (cpu_seconds(web.pid) - idle) / IDLE_S
    clients.stdin.write(b"\n")
    await clients.wait()
    times = [synced for synced, _ in found if synced is not None]
    back = f"{len(times)} of {len(found)}"
    if os.environ.get("STATS"):
        for key in after:
            n = after[key]["calls"] - before.get(key, {"calls": 0})["calls"]
            if n > 50:
                print(f"   {key} {n / SOCKETS:.2f} a socket", file=sys.stderr)
    return [
        Row(
            f"{len(found):,} sockets come back: p50 / p99 / last",
            f"{percentile(times, 0.5):.1f} / {percentile(times, 0.99):.1f} / {max(times):.1f} s ({back})",
            "", "", "≤ 6 s",
        ),
        Row("… tries that were refused or closed", f"{sum(refused for _, refused in found):,}", "", "", "0"),
        Row(
            "… a socket: CPU of web + Valkey, Redis commands",
            f"{spent / len(found) * 1000:.1f} + {valkey / len(found) * 1000:.1f} ms, {commands / len(found):.1f}",
            "", "", "≤ 2 ms",
        ),
        Row(f"{len(found):,} sockets that only listen", f"{idle * 100:.0f} % of a core", "", "", "≤ 3 % for 1,000"),
    ]  # fmt: skip


def _calls(stats: dict[str, Any]) -> int:
    return sum(one["calls"] for one in stats.values())


async def _people(place: Place, count: int) -> list[dict[str, str]]:
    from chat.entrances.web.greeting import token_of

    users = await sync_to_async(_log_in)(count)
    conversations = {}
    for user, _ in users[:: max(1, count // CONVERSATIONS)]:
        conversations[user] = await write_history(user, MESSAGES)
    found = []
    mine = ""
    for user, cookie in users:
        mine = conversations.get(user, mine)
        token = token_of(cookie.partition("=")[2])
        found.append({"cookie": cookie, "token": token, "conversation": mine})
    return found


def _log_in(count: int) -> list[tuple[int, str]]:
    """(id, cookie), a login for each socket: twenty of one person after another, as their conversations are shared."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = []
    per_person = max(1, count // CONVERSATIONS)
    assert per_person <= 50, "a person may have so many sockets"
    user = None
    for number in range(count):
        if number % per_person == 0:
            user, _ = get_user_model().objects.get_or_create(
                username=f"bench{number}", defaults={"password": "x"}
            )
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        found.append((user.pk, f"sessionid={session.session_key}"))
    return found
