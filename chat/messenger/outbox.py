"""The outbox: messages that are to go out, in order, once, and what becomes of those that cannot.

A row is made with a uuid that depends only on what it says and where, so making it again makes nothing, and sending
it again shows nothing. Feishu remembers a uuid for an hour: a message whose fate is open for longer is given up (a
dead letter) rather than shown twice; the admin can send it again.
"""

import logging
from collections.abc import Awaitable, Callable

from django.db.models import F

from chat.entrances.feishu import cards
from chat.entrances.feishu.client import FeishuClient
from chat.entrances.feishu.errors import Away, FeishuError, Limited, Refused
from chat.entrances.feishu.markdown import mapped, pieces
from chat.entrances.feishu.models import FeishuDelivery, FeishuLane, FeishuMessage
from chat.messenger.lanes import ask, name, now_ms

log = logging.getLogger(__name__)

#: How long a message whose fate is open is tried (milliseconds): less than Feishu remembers its uuid.
MOST_MS = 50 * 60_000
#: Refusals that mean: the message that was replied to is gone.
NO_TARGET = frozenset({230001, 230011, 230110, 231003})


def put(lane: FeishuLane, text: str, *key: object, reply_to: str = "", run: str = "") -> int:
    """Have `text` (markdown) sent to the lane's chat, in as many messages as it takes; how many. `key` names what this
    is: the same key again adds nothing."""
    parts = pieces(mapped(text))
    now = now_ms()
    for number, part in enumerate(parts):
        FeishuDelivery.objects.get_or_create(
            uuid=name("delivery", lane.pk, *key, number),
            defaults={
                "lane": lane,
                "run": run,
                "reply_to": reply_to,
                "content": cards.message(part),
                "created_at": now,
            },
        )
    return len(parts)


def complete(run: str) -> None:
    """The answer of `run` is complete with the newest message that was put for it. It may have been sent before."""
    newest = FeishuDelivery.objects.filter(run=run).order_by("-id").first()
    if newest is not None and not newest.last:
        FeishuDelivery.objects.filter(pk=newest.pk).update(last=True)
        if newest.state == "sent":
            _answered(run, now_ms())


def next_of(lane: int) -> FeishuDelivery | None:
    """The lane's next message, due or not."""
    return FeishuDelivery.objects.filter(lane_id=lane, state="pending").order_by("id").first()


async def send_out(
    lane: FeishuLane, client: FeishuClient, turn: Callable[[], Awaitable[bool]], clock: Callable[[], int]
) -> bool:
    """Send what is due, in order. `turn` waits for the chat's pace; False: the lane is no longer ours. Returns whether
    nothing is left to be sent."""
    while True:
        row = await ask(next_of, lane.pk)
        if row is None:
            return True
        if row.next_at > clock() or not await turn():
            return False
        if not await ask(_begin, row, clock()):
            continue
        try:
            sent = await _send(lane, row, client)
        except FeishuError as problem:
            await _failed(lane, row, problem, client, clock())
        else:
            await ask(_sent, row, sent, clock())


async def _send(lane: FeishuLane, row: FeishuDelivery, client: FeishuClient) -> str:
    target = row.reply_to or (lane.anchor if lane.thread_id else "")
    if target:
        return await client.reply(target, row.kind, row.content, row.uuid, thread=bool(lane.thread_id))
    return await client.send(lane.chat_id, row.kind, row.content, row.uuid)


def _begin(row: FeishuDelivery, now: int) -> bool:
    first = row.first_at if row.first_at is not None else now
    row.attempts, row.first_at = row.attempts + 1, first
    pending = FeishuDelivery.objects.filter(pk=row.pk, state="pending")
    return pending.update(attempts=F("attempts") + 1, first_at=first) == 1


def _sent(row: FeishuDelivery, message: str, now: int) -> None:
    rows = FeishuDelivery.objects.filter(pk=row.pk)
    rows.update(state="sent", message_id=message, sent_at=now, error="")
    if rows.filter(last=True).exists():
        _answered(row.run, now)


def _answered(run: str, now: int) -> None:
    FeishuMessage.objects.filter(run=run, answered_at=None).update(answered_at=now)


async def _failed(
    lane: FeishuLane, row: FeishuDelivery, problem: FeishuError, client: FeishuClient, now: int
) -> None:
    rows = FeishuDelivery.objects.filter(pk=row.pk, state="pending")
    error = str(problem)[:300]
    match problem:
        case Limited():
            # Not done, so its hour has not begun, and waiting is no failure.
            first = row.first_at if row.attempts > 1 else None
            changed = {"next_at": now + int(problem.after * 1000), "error": error, "first_at": first}
            await client.pace.hold(lane.chat_id, problem.after)
        case Refused() if problem.code in NO_TARGET and row.reply_to and not lane.thread_id:
            changed = {"reply_to": "", "error": error}  # to the chat, then; a topic has no such way
        case Away() if now - (row.first_at or now) < MOST_MS:
            changed = {"next_at": now + min(60_000, 500 * 2 ** min(row.attempts, 10)), "error": error}
        case _:
            changed = {"state": "dead", "error": error}
            log.error("Feishu delivery %s to %s was given up: %s", row.pk, lane.chat_id, problem)
    await ask(lambda: rows.update(**changed))
