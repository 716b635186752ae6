"""The way of a request into its conversation: stored first, then said, each once (rule W5)."""

import hashlib
import json
from typing import Any
from uuid import uuid5

from agents import events as e
from chat.commands import CreateBody, SendBody, StopBody
from chat.entrances.openai_api import store
from chat.entrances.openai_api.entrance import ENTRANCE
from chat.entrances.openai_api.models import Exchange
from chat.entrances.openai_api.store import Wanted
from chat.entrances.openai_api.transcript import Asked, notes
from chat.http.problems import Problem
from chat.inbox import Body, CommandResult, action_of
from chat.runtime import current
from chat.session.errors import IdReused, NoConversation
from chat.support.clock import now_ms
from chat.support.database import ask
from chat.tokens.bearer import permit, sender
from chat.tokens.store import Bearer


def digest(*asked: Any) -> str:
    """What tells two requests under one key apart: what they ask, and not how they want to be answered."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


async def say(bearer: Bearer, wanted: Wanted) -> Exchange:
    """The exchange of a request, whose message is in the journal. Raises Problem and Unavailable."""
    permit(bearer, "read")
    permit(bearer, "write")
    row, asked = await ask(store.exchange, bearer.user, wanted, now_ms())
    # What is refused here, because the day's limit is reached, has begun nothing.
    if row.begins:
        await _begin(bearer, row, asked)
    send = SendBody(kind="send", message=str(row.message), text=asked.text)
    await _submit(bearer, row, "send", send)
    return row


async def stop(bearer: Bearer, row: Exchange) -> None:
    """Stop the run that answers, if it has not yet."""
    permit(bearer, "write")
    try:
        await _submit(bearer, row, "stop", StopBody(kind="stop"))
    except Problem as problem:
        if problem.code != "no_run":
            raise


async def _begin(bearer: Bearer, row: Exchange, asked: Asked) -> None:
    await _submit(bearer, row, "create", CreateBody(kind="create", agent=row.agent))
    origin = e.Origin(entrance=ENTRANCE.name, name=bearer.speaker)
    for number, text in enumerate(notes(asked)):
        id = str(uuid5(row.pk, f"note {number}"))
        try:
            told = await current().inbox.note(str(row.conversation), text, origin, message=id)
        except IdReused:
            continue  # told before, when less was known
        except NoConversation:
            raise Problem("not_found") from None
        if told.status == "rejected":
            raise Problem(told.code or "bad_command")


async def _submit(bearer: Bearer, row: Exchange, what: str, body: Body) -> CommandResult:
    who = sender(bearer, action_of(body), ENTRANCE.name)
    command = str(uuid5(row.pk, what))
    result = await current().inbox.submit(who, str(row.conversation), command, body)
    if result.status == "rejected":
        raise Problem(result.code or "bad_command", after=result.after)
    return result
