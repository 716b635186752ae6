"""The queues of triggers, for the rule about what raises (chat/set_aside.py)."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from chat.entrances.triggers import dispatch, watching
from chat.entrances.triggers.models import Trigger
from chat.entrances.triggers.store import fire_again
from chat.set_aside import Queue, register
from chat.support.clock import now_ms


def _send_again(key: str) -> None:
    if not fire_again(int(key)):
        raise ValueError("The firing is gone, or was carried out.")


def _look_again(key: str) -> None:
    if not Trigger.objects.filter(pk=UUID(key)).update(paused=False, error="", next_at=0):
        raise ValueError("The trigger is gone.")


def _tell_again(key: str) -> None:
    watching.tell_again(key, now_ms())


def _read_again(key: str) -> None:
    """It is among those that are to be read by itself."""


#: Firings to be carried out, by their ids.
FIRINGS = register(Queue("trigger.firing", _("what a trigger has seen"), _send_again))
#: Runs of firings to be found, by the firings' ids.
RUNS = register(Queue("trigger.run", _("the run that answers a trigger"), dispatch.find_again))
#: Addresses to be looked at, by their triggers' ids.
POLLS = register(Queue("trigger.poll", _("an address that a trigger looks at"), _look_again))
#: Conversations to be read, by their ids.
SCANS = register(Queue("trigger.scan", _("a conversation that triggers listen to"), _read_again))
#: Events of conversations, by "trigger:conversation:seq".
EVENTS = register(Queue("trigger.event", _("what happened in a conversation"), _tell_again))
