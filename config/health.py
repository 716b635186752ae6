"""Health: `/healthz` says that the process lives, `/readyz` that it can serve people.

Neither needs a login and neither says more than yes or no about each part.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.runs.clock_difference import differences
from chat.runs.presence import worker_seen
from chat.runtime import current
from chat.support.database import ask

log = logging.getLogger(__name__)

#: Seconds that one part may take to show that it is there.
TIMEOUT_S = 3.0


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers at all; asks nobody else, so it never restarts web for another's fault."""
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when database, Redis and a worker are there, otherwise 503; `missing` names what is not."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    parts, clocks = await asyncio.gather(look_around(), clocks_agree())
    missing = [name for name, there in parts.items() if not there]
    response = JsonResponse(
        {"ready": not missing, "missing": missing, **parts, "clocks": clocks}, status=503 if missing else 200
    )
    # Django would log each 503 as an error; what is missing has been logged where it was noticed.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


async def look_around() -> dict[str, bool]:
    """Which of database, Redis and worker are there. Takes at most a little more than TIMEOUT_S."""
    database, (redis, worker) = await asyncio.gather(_answers("database", _database), _redis_and_worker())
    return {"database": database, "redis": redis, "worker": worker}


async def clocks_agree() -> bool:
    """False: a clock is more than two seconds off, here or at a worker. Said, and no reason not to serve."""
    found: list[str] = []

    async def look() -> None:
        found.extend(await differences(current().sessions, f"the web server {socket.gethostname()}"))

    await _answers("redis", look)
    for line in found:
        log.warning("%s", line)
    return not found


async def _redis_and_worker() -> tuple[bool, bool]:
    """Redis must answer; a worker shows itself by a lease there."""
    seen = False

    async def look() -> None:
        nonlocal seen
        seen = await worker_seen(current().sessions)

    return await _answers("redis", look), seen


async def _database() -> None:
    await ask(_select)


def _select() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _answers(name: str, ask: Callable[[], Awaitable[None]]) -> bool:
    """Whether `ask` returns in time. Why it did not goes to the log, not to the asker."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await ask()
    except Exception as problem:
        log.warning("%s does not answer: %r", name, problem)
        return False
    return True
