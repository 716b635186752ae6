"""The webhook: verify, store, answer. What it means is decided by a worker (chat/messenger/intake.py).

401 with an empty body: not Feishu's. 200: it is stored, or there is nothing to do with it. 503: it could not be stored
in time; Feishu sends it again (after 15 s, 5 min, 1 h, 6 h), and if it was stored after all, its key is known.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chat.entrances.feishu.adapter import FEISHU
from chat.entrances.feishu.models import FeishuApp, FeishuMessage
from chat.entrances.feishu.signature import Challenge, FeishuEvent, Untrusted, open_request
from chat.messenger import texts
from chat.messenger.database import OUTAGES, ask
from chat.messenger.store import Storing
from chat.messenger.toast import toast
from chat.support.batches import Batches
from chat.support.clock import now_ms
from chat.support.loops import PerLoop
from chat.support.prepared import Prepared

log = logging.getLogger(__name__)

#: Feishu's largest message is 150 KB of text, which encryption and escapes make longer.
MAX_BODY = 512 * 1024
#: Seconds for the whole; Feishu waits for one at the URL verification, three otherwise. Some is left for the way.
TIMEOUT_S = 0.75
#: Bytes that are opened in the event loop, in a millisecond; larger ones in a thread.
INLINE = 32 * 1024
#: A larger text in a JSON integer is no time.
MAX_TIME = 10**14
STORING = Storing()


@csrf_exempt
@require_POST
async def events(request: HttpRequest, slug: str) -> HttpResponse:
    """One request of Feishu, for events and for card callbacks alike."""
    try:
        raw = request.body
    except RequestDataTooBig:
        return HttpResponse(status=413)
    if len(raw) > MAX_BODY:
        return HttpResponse(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        async with asyncio.timeout(TIMEOUT_S):
            app = await _found.get().ask(slug)
            if app is None:
                raise Untrusted("there is no such app")
            said = _opened(app, raw, headers) if len(raw) <= INLINE else await ask(_opened, app, raw, headers)
            if isinstance(said, Challenge):
                return JsonResponse({"challenge": said.text})
            row = _row(app, said)
            # In threads of their own: the request's own thread is needed for the answer, and a thread that waits for
            # the database cannot be called back. If it stores the row after all, the row is welcome.
            told = await ask(_carried, app, said, row) if said.header.get("event_type") in CARRIED else {}
            if row is not None:
                await STORING.put(row)
            return JsonResponse(told)
    except Untrusted as problem:
        log.warning("A request to the Feishu app %r was refused: %s.", slug, problem)
        return HttpResponse(status=401)
    except (TimeoutError, *OUTAGES) as problem:
        log.error("An event of the Feishu app %r was not stored in time (%s).", slug, type(problem).__name__)
        return HttpResponse(status=503)


def _opened(app: FeishuApp, raw: bytes, headers: dict[str, str]) -> Challenge | FeishuEvent:
    """What a request says that is for this app. Raises Untrusted."""
    said = open_request(raw, headers, encrypt_key=app.encrypt_key, token=app.verification_token)
    if isinstance(said, FeishuEvent):
        named = said.header.get("app_id")
        if named is not None and named != app.app_id:
            raise Untrusted("it is for another app")
    return said


#: Events of which more is to be done here than to store their row.
CARRIED = frozenset({"im.message.recalled_v1", "card.action.trigger"})


def _carried(app: FeishuApp, said: FeishuEvent, row: FeishuMessage | None) -> dict[str, Any]:
    """Do it; what to answer. In a database thread."""
    if said.header.get("event_type") == "im.message.recalled_v1":
        _recall(app, said.body.get("message_id"))
        return {}
    # Whose it is, and of which agent, is looked up as well.
    app = FeishuApp.objects.filter(pk=app.pk).first() or app
    told = texts.say(FEISHU.language(app), texts.NO_BUTTON)
    if row is not None:
        told = toast(FEISHU, app, row.chat_id, row.sender, _dict(_dict(said.body, "action"), "value"))
    return {"toast": {"type": "info", "content": told}}


_APP = Prepared(lambda slug: FeishuApp.objects.filter(slug=slug, enabled=True))
#: By slug: what the row said, and the app that was made of it. Nobody changes it here.
_apps: dict[str, tuple[Any, FeishuApp]] = {}


def _app(slug: str) -> FeishuApp | None:
    """The enabled app of this slug. The same object as for the request before, if its row says the same: what it refers
    to may be others by now."""
    row = _APP.first("default", slug)
    if row is None:
        return None
    kept = _apps.get(slug)
    if kept is not None and kept[0] == row:
        return kept[1]
    app = FeishuApp.objects.filter(slug=slug, enabled=True).first()
    if app is not None:
        _apps[slug] = row, app
    return app


async def _look_up(slugs: Sequence[str]) -> dict[str, FeishuApp | None]:
    return await ask(lambda: {slug: _app(slug) for slug in slugs})


async def _nothing(_: Batches[str, FeishuApp | None]) -> None:
    """There is nothing to close."""


#: The apps of requests that come together are looked up together.
_found: PerLoop[Batches[str, FeishuApp | None]] = PerLoop(lambda: Batches(_look_up), _nothing)


def _recall(app: FeishuApp, message: Any) -> None:
    """A message was taken back: while it waits it is withdrawn, later that is noted with it."""
    rows = FeishuMessage.objects.filter(app=app, message_id=str(message)[:120])
    row = rows.filter(state="received").first()
    if row is not None:
        kept = {
            "message": {"chat_type": _dict(row.event, "message").get("chat_type")}
        }  # its words are not kept
        if rows.filter(state="received").update(state="ignored", reason="recalled", event=kept):
            return
    rows.filter(state="taken", reason="").update(reason="recalled after it was read")


def _is_others_talk(app: FeishuApp, message: dict[str, Any]) -> bool:
    """Whether a message of a group does not name the bot, and is not kept where that is what it takes. The bot's id is
    known once the first message was looked at."""
    if message.get("chat_type") == "p2p" or not app.mention_only or not app.bot_open_id:
        return False
    named = message.get("mentions")
    ids = (
        [_dict(one, "id").get("open_id") for one in named if isinstance(one, dict)]
        if isinstance(named, list)
        else []
    )
    return app.bot_open_id not in ids


def _row(app: FeishuApp, said: FeishuEvent) -> FeishuMessage | None:
    """The row of an event that means something to us, None for all others."""
    now = now_ms()
    match said.header.get("event_type"):
        case "im.message.receive_v1":
            sender, message = _dict(said.body, "sender"), _dict(said.body, "message")
            if sender.get("sender_type") != "user":
                return None  # a bot, perhaps we ourselves
            if _is_others_talk(app, message):
                return None
            key, who = message.get("message_id"), _dict(sender, "sender_id").get("open_id")
            chat, thread = message.get("chat_id"), message.get("thread_id") or ""
            sent = _time(message.get("create_time"), now)
        case "card.action.trigger":
            value, context = _dict(_dict(said.body, "action"), "value"), _dict(said.body, "context")
            event = said.header.get("event_id")
            key, who = f"action:{event}" if event else None, _dict(said.body, "operator").get("open_id")
            chat, thread = context.get("open_chat_id"), value.get("thread", "")
            sent = _time(said.header.get("create_time"), now)
        case _:
            return None
    if not all(isinstance(one, str) and len(one) <= 100 for one in (key, who, chat, thread)) or not key:
        log.warning("An event of the Feishu app %r lacks its ids.", app.slug)
        return None
    body: Any = said.body
    return FeishuMessage(
        app=app,
        message_id=key,
        chat_id=str(chat),
        thread_id=str(thread),
        sender=str(who),
        event=body,
        sent_at=sent,
        received_at=now,
    )


def _dict(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _time(text: Any, otherwise: int) -> int:
    """Milliseconds of a time as Feishu writes it: in milliseconds, or (for card actions) in microseconds."""
    try:
        value = int(text)
    except (TypeError, ValueError, OverflowError):
        return otherwise
    value = value // 1000 if value > MAX_TIME else value
    return value if 0 < value <= MAX_TIME else otherwise
