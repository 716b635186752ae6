"""Health: `/healthz` says that the process lives, `/readyz` that it can serve people (`chat/readiness.py`).

Neither needs a login and neither says more than yes or no about each part.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.readiness import Readiness, Report
from chat.runtime import current
from chat.support.loops import PerLoop


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers at all; asks nobody else, so it never restarts web for another's fault."""
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when everything that a message needs is there, otherwise 503; `missing` names what is not, `warnings` what
    should be seen to."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    found = await look_around()
    told = {
        "ready": found.ready,
        "missing": [part for part, there in found.parts.items() if not there],
        "warnings": list(found.warnings),
        **found.parts,
    }
    response = JsonResponse(told, status=200 if found.ready else 503)
    # Django would log each 503 as an error; what is missing has been logged where it was noticed.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


_readiness: PerLoop[Readiness] = PerLoop(lambda: Readiness(current()), Readiness.close)


async def look_around() -> Report:
    """What is there and what is not, shared with whoever asks at the same time."""
    return await _readiness.get().look()
