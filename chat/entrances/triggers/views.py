"""Where webhooks come in: POST /hooks/<trigger>/<token>.

    429 too fast, or its owner's limit for the day is reached: send it again after Retry-After, and it is carried out
    404 no such address (or a wrong token)    413 too large    401 not signed as agreed
    200 {"firing", "status": "fired", "run"}             it is a message of the conversation; `run` answers it
    200 {"firing", "status": "skipped", "reason"}        it was taken note of and does not fire
    202 {"firing", "status": "pending"}                  it is journalled, and will be carried out
    503                                                  it could not be journalled: send it again

What is larger than HOLDFAST_WEBHOOK_BYTES is refused, and a row says so. What is larger than a row is kept in the
storage (bodies.py), and read one at a time in each process: a JSON document takes many times its bytes of memory.

A delivery that names itself (see hooks.DELIVERY_HEADERS) and comes again gets the answer of now about the same firing.
Nothing of what comes in is written to the log.
"""

import asyncio
import hashlib
import logging
import math
import secrets
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chat.entrances.triggers import bodies, dispatch, hooks, matching, senders, templating
from chat.entrances.triggers.decide import SPENT, Reason
from chat.entrances.triggers.models import Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, filled_in, fire_again, record, storable
from chat.http.addresses import network_of
from chat.http.limits import Allowance, RateLimits
from chat.journal import replies
from chat.limits.decide import DAY_MS, day_of
from chat.runtime import current
from chat.session.errors import Unavailable
from chat.support import kill_points
from chat.support.clock import MACHINE, now_ms
from chat.support.database import ask
from chat.support.loops import PerLoop

log = logging.getLogger(__name__)

#: Seconds for the whole; what takes longer is left to a worker.
TIMEOUT_S = 5.0
#: Deliveries to one address in this process: a burst, then one a second.
arriving = Allowance(RateLimits(burst=60, rate=1, flood=100_000))
#: Wrong addresses and signatures from one client: who guesses gets slow. Spent only by what is refused.
guessing = Allowance(RateLimits(burst=30, rate=0.2, flood=100_000))

_storing: "set[asyncio.Future[Any]]" = set()


class DeliveryRefused(Exception):
    """The delivery is not taken; the text is for our log. `after`: seconds until it may be sent again."""

    def __init__(self, status: int, text: str, after: int = 0) -> None:
        super().__init__(text)
        self.status, self.after = status, after


class Challenged(Exception):
    """The sender asks whether we are the one whose address was entered there; the text is what it wants to hear."""


async def _nothing(turn: asyncio.Semaphore) -> None:
    """There is nothing to close."""


#: Large deliveries of one process are read one after the other.
_one_large: PerLoop[asyncio.Semaphore] = PerLoop(lambda: asyncio.Semaphore(1), _nothing)


@csrf_exempt
@require_POST
async def hook(request: HttpRequest, trigger: UUID, token: str) -> HttpResponse:
    """One delivery."""
    if not arriving.take(trigger):
        return _answer(429, arriving.retry_after(trigger))
    # Not cancelled when it takes too long: it is journalled all the same, and the sender's repetition finds it.
    taking = asyncio.ensure_future(_take(request, trigger, token))
    _storing.add(taking)
    taking.add_done_callback(_stored)
    try:
        done, _ = await asyncio.wait({taking}, timeout=TIMEOUT_S)
        if not done:
            raise TimeoutError
        return taking.result()
    except Challenged as question:
        return JsonResponse({"challenge": str(question)})
    except DeliveryRefused as problem:
        log.warning("A delivery to trigger %s was refused: %s.", trigger, problem)
        return _answer(problem.status, problem.after)
    except (TimeoutError, Unavailable) as problem:
        log.error(
            "A delivery to trigger %s was not journalled in time (%s).", trigger, type(problem).__name__
        )
        return _answer(503, after=5)


def _stored(taking: "asyncio.Future[Any]") -> None:
    _storing.discard(taking)
    if not taking.cancelled():
        taking.exception()  # seen: whoever waited for it has answered already


async def _take(request: HttpRequest, trigger: UUID, token: str) -> HttpResponse:
    length = request.headers.get("content-length") or ""
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
    if size is not None and size <= bodies.LARGE:
        row = await ask(_journal, request, trigger, token, size)
    else:
        async with _one_large.get():
            row = await ask(_journal, request, trigger, token, size)
    kill_points.point("trigger.journalled")
    if row.reason == "too_large":
        raise DeliveryRefused(413, "it is too large")
    if row.state == "failed" and row.reason in SPENT:
        # Its sender was told to come again.
        await ask(fire_again, row.pk)
        row = await ask(_again, row)
    if row.state == "pending" and not await ask(dispatch.let_wait, row):
        try:
            await dispatch.send(current().inbox, row, MACHINE)
        except Exception as problem:
            log.warning("Firing %s is left to a worker: %r", row.pk, problem)
    return await ask(_told, row.pk)


def _again(row: TriggerFiring) -> TriggerFiring:
    """The row as it is now. Raises DeliveryRefused."""
    found = TriggerFiring.objects.select_related("trigger").filter(pk=row.pk).first()
    if found is None:
        raise DeliveryRefused(404, "the trigger was deleted")
    return found


def _told(pk: int) -> HttpResponse:
    """What the sender hears of a firing, as of now. Raises DeliveryRefused."""
    row = TriggerFiring.objects.filter(pk=pk).first()
    if row is None:
        raise DeliveryRefused(404, "the trigger was deleted")
    if row.state == "failed" and row.reason in SPENT:
        now = now_ms()
        after = math.ceil((day_of(now) + DAY_MS - now) / 1000)
        raise DeliveryRefused(429, "its owner's limit for today is reached", after=after)
    told: dict[str, Any] = {"firing": row.pk, "status": row.state}
    if row.reason:
        told["reason"] = row.reason
    if row.state == "fired":
        told["run"] = row.run or replies.expected(str(row.conversation), row.message)
    return JsonResponse(told, status=202 if row.state == "pending" else 200)


def _journal(request: HttpRequest, trigger: UUID, token: str, size: int | None) -> TriggerFiring:
    """The row of a delivery, which says that it has `size` bytes, or not how many. Raises DeliveryRefused."""
    client = network_of(str(request.META.get("REMOTE_ADDR", "")))
    row = Trigger.objects.filter(pk=trigger, kind="webhook").first()
    # The same work whether there is such a trigger or not.
    right = hooks.is_token(token, trigger, row.salt if row is not None else "")
    if row is None or not right:
        raise _wrong(client, 404, "no such address")
    most = settings.HOLDFAST_WEBHOOK_BYTES
    # What says itself that it is too large is not even read.
    body = request.read(most + 1) if size is None or size <= most else b""
    # One that only another release knows signs in a way that cannot be checked here.
    known = senders.SENDERS.get(row.sender or "hmac")
    sender = known or senders.SENDERS["hmac"]
    if len(body) > most or (size is not None and size > most):
        # By another key: once more is let in, the same delivery may be sent again.
        delivery = hooks.delivery_of(request.headers, row.delivery_header, None, sender.deliveries)
        seen = {"payload": None, "delivery": delivery}
        refused = Sighting(f"refused:{_key(delivery)}", seen, refused="too_large", size=size or len(body))
        return _record(row, refused)
    given = senders.Given(request.headers, body, now_ms() / 1000, row.signature_header)
    if row.signed and not (known and row.secret and known.signed(given, row.secret)):
        raise _wrong(client, 401, "its signature is missing or wrong")
    kind = request.headers.get("content-type", "")
    payload = hooks.payload_of(body, kind)
    if asked := senders.challenge(sender.name, payload):
        raise Challenged(asked)
    delivery = hooks.delivery_of(request.headers, row.delivery_header, payload, sender.deliveries)
    whole = {"payload": payload, "delivery": delivery}
    if event := senders.first(sender.events, request.headers, payload):
        whole["event"] = event
    if headers := hooks.headers_of(request.headers, row.signature_header):
        whole["headers"] = headers
    matched, refused_as = _judged(row, whole)
    sighting = Sighting(
        _identity(row, sender, delivery, body),
        whole,
        matched=matched,
        refused=refused_as,
        size=len(body),
        held_s=TIMEOUT_S,
    )
    if len(body) <= bodies.LARGE:
        # Here, where nothing is locked yet.
        filled = filled_in(row.prompt, storable(whole), None) if matched else None
        return _record(row, replace(sighting, filled=filled))
    seen = {**whole, "payload": templating.shown(payload)}
    if not matched:
        return _record(row, replace(sighting, seen=seen))
    filled = filled_in(row.prompt, whole, seen)
    name = bodies.keep(body, kind)
    found = _record(row, replace(sighting, seen=seen, body=name, filled=filled))
    if found.body != name:
        bodies.remove(name)  # it came before
    return found


def _key(delivery: str) -> str:
    """Without a name each delivery is an event of its own, however much it resembles another one."""
    return f"delivery:{delivery}" if delivery else f"delivery:own:{secrets.token_hex(16)}"


def _identity(trigger: Trigger, sender: senders.Sender, delivery: str, body: bytes) -> str:
    """The key of a delivery. Where nothing but the body is signed and the name stands beside it, whoever has seen a
    delivery can send it once more under another name, or under none: then the body is what it is known by."""
    places = [trigger.delivery_header] if trigger.delivery_header else sender.deliveries
    vouched = sender.covers != "body" or all(place.startswith("$") for place in places)
    if not trigger.signed or vouched:
        return _key(delivery)
    key = f"delivery:body:{hashlib.sha256(body).hexdigest()}"
    rows = TriggerFiring.objects.filter(trigger=trigger)
    if delivery and rows.filter(key=_key(delivery)).exists():
        return _key(delivery)  # an earlier release took it, and knew it by its name
    return key if delivery or rows.filter(key=key).exists() else _key("")


def _looked_at(trigger: Trigger, whole: dict[str, Any]) -> Any:
    """What the trigger looks at: a JSON path is of the payload; `event` and `headers.x-name` are what the prompt calls
    so."""
    if trigger.path and not trigger.path.startswith("$"):
        return templating.look_up(whole, trigger.path)
    return matching.value_at(trigger.path, whole["payload"])


def _judged(trigger: Trigger, whole: dict[str, Any]) -> tuple[bool, Reason]:
    """Whether it is what the trigger looks for, and why that cannot be told."""
    if trigger.match == "any":
        return True, ""
    try:
        return matching.matches(trigger.match, trigger.pattern, _looked_at(trigger, whole)), ""
    except matching.UnusablePattern as problem:
        log.warning("Trigger %s cannot look at a delivery: %s", trigger.pk, problem)
        return False, "unusable"


def _record(trigger: Trigger, sighting: Sighting) -> TriggerFiring:
    rows = record(trigger.pk, [sighting], now_ms())
    if not rows:
        bodies.remove(sighting.body)
        raise DeliveryRefused(404, "the trigger was deleted")
    return rows[0]


def _wrong(client: str, status: int, text: str) -> DeliveryRefused:
    """What somebody is told who may be guessing."""
    if guessing.take(client):
        return DeliveryRefused(status, text)
    return DeliveryRefused(429, text, after=guessing.retry_after(client))


def _answer(status: int, after: int = 0) -> HttpResponse:
    response = HttpResponse(status=status)
    if after:
        response["Retry-After"] = str(after)
    return response
