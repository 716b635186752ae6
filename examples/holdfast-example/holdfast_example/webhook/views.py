"""What comes in: verify, store, answer. What it means is decided by a worker, so a lost answer costs nothing."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from chat.messenger.models import PRESS
from chat.messenger.store import Storing
from chat.session.errors import Unavailable
from chat.support.clock import now_ms
from chat.support.database import ask
from holdfast_example.webhook.models import ChatMessage, ChatWebhook
from holdfast_example.webhook.signature import Untrusted, check

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
#: Longest name of a chat and of a sender, in characters.
MAX_NAME = 100
STORING = Storing()


class Malformed(ValueError):
    """Signed, but not understood. The text goes to the sender."""


@csrf_exempt
@require_POST
async def events(request: HttpRequest, slug: str) -> HttpResponse:
    """One signed event."""
    try:
        raw = request.body
    except RequestDataTooBig:
        return HttpResponse(status=413)
    if len(raw) > MAX_BODY:
        return HttpResponse(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        await STORING.put(await ask(_read, slug, raw, headers))
    except Untrusted as problem:
        log.warning("A request to the chat webhook %r was refused: %s.", slug, problem)
        return HttpResponse(status=401)
    except Malformed as problem:
        return HttpResponse(str(problem), status=400, content_type="text/plain")
    except (Unavailable, OperationalError, InterfaceError) as problem:
        log.error("An event of the chat webhook %r was not stored (%s).", slug, type(problem).__name__)
        return HttpResponse(status=503)
    return HttpResponse(status=202)


def _read(slug: str, raw: bytes, headers: Mapping[str, str]) -> ChatMessage:
    """The row of a request. Raises Untrusted and Malformed."""
    app = ChatWebhook.objects.filter(slug=slug, enabled=True).first()
    if app is None:
        raise Untrusted("there is no such webhook")
    now = now_ms()
    id = check(app.secret, headers, raw, now / 1000)
    kind, data = parse(raw)
    event: Any = data
    return ChatMessage(
        app=app,
        message_id=f"{PRESS}{id}" if kind == "button.pressed" else id,
        chat_id=data["chat"],
        sender=data["sender"],
        event=event,
        sent_at=now,
        received_at=now,
    )


def parse(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Kind and data of an event. Pure. Raises Malformed."""
    try:
        event = json.loads(raw)
        raw.decode()
        json.dumps(event, ensure_ascii=False).encode()  # half of a surrogate pair, which no database holds
    except (ValueError, RecursionError):
        raise Malformed("Send a JSON object in UTF-8.") from None
    data = event.get("data") if isinstance(event, dict) else None
    if not isinstance(data, dict):
        raise Malformed('Send {"type": …, "data": {…}}.')
    for name in ("chat", "sender"):
        if not (isinstance(data.get(name), str) and 0 < len(data[name]) <= MAX_NAME):
            raise Malformed(f"data.{name} must be a text of 1 to {MAX_NAME} characters.")
    match event.get("type"):
        case "message.created" if isinstance(data.get("text"), str) and data["text"].strip():
            return "message.created", data
        case "message.created":
            raise Malformed("data.text must be a text.")
        case "button.pressed" if isinstance(data.get("value"), dict):
            return "button.pressed", data
        case "button.pressed":
            raise Malformed("data.value must be the button's value.")
    raise Malformed("The types are message.created and button.pressed.")
