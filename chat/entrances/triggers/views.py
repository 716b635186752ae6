"""Where webhooks come in: POST /hooks/<trigger>/<token>.

    429 too fast    413 more than 64 KiB    404 no such address (or a wrong token)    401 not signed as agreed
    200 {"firing", "status": "fired", "run"}             it is a message of the conversation; `run` answers it
    200 {"firing", "status": "skipped", "reason"}        it was taken note of and does not fire
    202 {"firing", "status": "pending"}                  it is journalled, and will be carried out
    503                                                  it could not be journalled: send it again

A delivery that names itself (see hooks.DELIVERY_HEADERS) and comes again gets the answer of now about the same firing.
Nothing of what comes in is written to the log.
"""

import asyncio
import logging
import secrets
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chat.entrances.triggers import dispatch, hooks, matching
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, record
from chat.http.limits import Allowance, RateLimits
from chat.journal import replies
from chat.runtime import current
from chat.session.errors import Unavailable
from chat.support import kill_points
from chat.support.clock import MACHINE, now_ms
from chat.support.database import ask

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
#: Seconds for the whole; what takes longer is left to a worker.
TIMEOUT_S = 5.0
#: Deliveries to one address in this process: a burst, then one a second.
arriving = Allowance(RateLimits(burst=60, rate=1, flood=100_000))
#: Wrong addresses and signatures from one client: who guesses gets slow. Spent only by what is refused.
guessing = Allowance(RateLimits(burst=30, rate=0.2, flood=100_000))

_storing: "set[asyncio.Future[Any]]" = set()


class DeliveryRefused(Exception):
    """The delivery is not taken; the text is for our log."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@csrf_exempt
@require_POST
async def hook(request: HttpRequest, trigger: UUID, token: str) -> HttpResponse:
    """One delivery."""
    if not arriving.take(trigger):
        return _answer(429, retry_after="1")
    length = request.headers.get("content-length") or "0"
    if not length.isdigit() or int(length) > MAX_BODY:
        return _answer(413)
    body = request.body
    if len(body) > MAX_BODY:
        return _answer(413)
    # Not cancelled when it takes too long: it is journalled all the same, and the sender's repetition finds it.
    taking = asyncio.ensure_future(_take(request, trigger, token, body))
    _storing.add(taking)
    taking.add_done_callback(_stored)
    try:
        done, _ = await asyncio.wait({taking}, timeout=TIMEOUT_S)
        if not done:
            raise TimeoutError
        return taking.result()
    except DeliveryRefused as problem:
        log.warning("A delivery to trigger %s was refused: %s.", trigger, problem)
        return _answer(problem.status)
    except (TimeoutError, Unavailable) as problem:
        log.error(
            "A delivery to trigger %s was not journalled in time (%s).", trigger, type(problem).__name__
        )
        return _answer(503, retry_after="5")


def _stored(taking: "asyncio.Future[Any]") -> None:
    _storing.discard(taking)
    if not taking.cancelled():
        taking.exception()  # seen: whoever waited for it has answered already


async def _take(request: HttpRequest, trigger: UUID, token: str, body: bytes) -> HttpResponse:
    row = await ask(_journal, request, trigger, token, body)
    kill_points.point("trigger.journalled")
    if row.state == "pending" and not await ask(dispatch.let_wait, row):
        try:
            await dispatch.send(current().inbox, row, MACHINE)
        except Exception as problem:
            log.warning("Firing %s is left to a worker: %r", row.pk, problem)
    return await ask(_told, row.pk)


def _told(pk: int) -> HttpResponse:
    """What the sender hears of a firing, as of now. Raises DeliveryRefused."""
    row = TriggerFiring.objects.filter(pk=pk).first()
    if row is None:
        raise DeliveryRefused(404, "the trigger was deleted")
    told: dict[str, Any] = {"firing": row.pk, "status": row.state}
    if row.reason:
        told["reason"] = row.reason
    if row.state == "fired":
        told["run"] = row.run or replies.expected(str(row.conversation), row.message)
    return JsonResponse(told, status=202 if row.state == "pending" else 200)


def _journal(request: HttpRequest, trigger: UUID, token: str, body: bytes) -> TriggerFiring:
    """The row of a delivery. Raises DeliveryRefused."""
    client = str(request.META.get("REMOTE_ADDR", ""))
    row = Trigger.objects.filter(pk=trigger, kind="webhook").first()
    # The same work whether there is such a trigger or not.
    right = hooks.is_token(token, trigger, row.salt if row is not None else "")
    if row is None or not right:
        raise DeliveryRefused(404 if guessing.take(client) else 429, "no such address")
    if row.signed:
        signature = request.headers.get(row.signature_header, "")
        if not row.secret or not hooks.is_signed(body, signature, row.secret):
            raise DeliveryRefused(401 if guessing.take(client) else 429, "its signature is missing or wrong")
    delivery = hooks.delivery_of(request.headers, row.delivery_header)
    payload = hooks.payload_of(body, request.headers.get("content-type", ""))
    # Without a name each delivery is an event of its own, however much it resembles another one.
    key = f"delivery:{delivery}" if delivery else f"delivery:own:{secrets.token_hex(16)}"
    looked_at = matching.value_at(row.path, payload) if row.match != "any" else None
    matched = row.match == "any" or matching.matches(row.match, row.pattern, looked_at)
    sighting = Sighting(key, {"payload": payload, "delivery": delivery}, matched=matched, held_s=TIMEOUT_S)
    rows = record(row.pk, [sighting], now_ms())
    if not rows:
        raise DeliveryRefused(404, "the trigger was deleted")
    return rows[0]


def _answer(status: int, retry_after: str = "") -> HttpResponse:
    response = HttpResponse(status=status)
    if retry_after:
        response["Retry-After"] = retry_after
    return response
