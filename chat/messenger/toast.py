"""What somebody who has pressed a button is told at once: the truth, as far as SQL knows it now.

The press itself is carried out later and in order (intake.py), which checks everything again.
"""

from collections.abc import Mapping
from typing import Any

from agents.events import ACTIVE_RUN
from chat.inbox import ApproveBody, Body, SettleBody, StopBody, action_of
from chat.messenger import texts
from chat.messenger.adapter import Messenger
from chat.messenger.models import PRESS, Lane
from chat.messenger.people import speaker
from chat.messenger.presses import command_of
from chat.models import Call, Run

#: A larger number is no key of a row.
MAX_KEY = 2**63


def toast(messenger: Messenger, app: Any, chat: str, sender: str, value: Mapping[str, Any]) -> str:
    """What to say to `sender`, who has pressed a button with this value in a chat. In a database thread."""
    said = texts.GOT_IT
    number = value.get("lane")
    lanes = messenger.tables.lanes.select_related("owner", "app").filter(app=app, chat_id=chat)
    lane: Lane | None = (
        lanes.filter(pk=number).first() if type(number) is int and 0 < number < MAX_KEY else None
    )
    body = command_of(value)
    if lane is None or body is None or not _is_open(lane, body):
        said = texts.NO_BUTTON
    elif not _may(messenger, app, lane, sender, body):
        said = texts.NOT_THEIRS
    return texts.say(messenger.language(app), said)


def _is_open(lane: Lane, body: Body) -> bool:
    """Whether there is still something to decide, or to stop."""
    match body:
        case StopBody():
            return Run.objects.filter(
                conversation_id=lane.conversation, run=body.run or "", status__in=sorted(ACTIVE_RUN)
            ).exists()
        case ApproveBody():
            return _status(lane, body.call) == "awaiting_approval"
        case SettleBody():
            return _status(lane, body.call) == "in_doubt"
    return False


def _status(lane: Lane, call: str) -> str:
    calls = Call.objects.filter(conversation_id=lane.conversation, call=call)
    return str(calls.values_list("status", flat=True).first() or "")


def _may(messenger: Messenger, app: Any, lane: Lane, sender: str, body: Body) -> bool:
    rows = messenger.tables.messages.filter(app=app, chat_id=lane.chat_id)
    newest = rows.exclude(message_id__startswith=PRESS).order_by("-id").first()
    private = newest is not None and messenger.is_private(newest)
    person = messenger.person(app, sender)
    who = speaker(messenger, app, sender, person.name, person, private, lane)
    return bool(who.standing.may(action_of(body)))
