"""Making, changing and ending triggers, whoever asks: their owner over the web, an agent by its tool, staff in
the admin.

Plain functions for a database thread. The caller must have made sure that it may act for the owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from chat.entrances.triggers import hooks, validation, watching
from chat.entrances.triggers.models import WATCHING, Trigger, TriggerFiring
from chat.entrances.triggers.store import Sighting, locked, record

#: What may be said of a trigger by whoever makes or changes it.
FIELDS = (
    *("name", "kind", "prompt", "agent", "conversation", "paused", "cooldown_s", "per_hour", "max_fires"),
    *(
        "expires_at",
        "path",
        "match",
        "pattern",
        "sender",
        "secret",
        "signature_header",
        "delivery_header",
        "url",
    ),
    *("interval_s", "watched", "speaker", "outcomes", "after_agent", "after_trigger", "after_schedule"),
)
#: States of what will not fire again as it is set now.
ENDED = ("expired", "limit")
#: Of one agent's triggers that have ended, those that stay to be looked at.
MAX_ENDED = 20
#: What is written when it begins, and what begins it anew when it is changed.
BEGUN = (
    *("seen_digest", "seen_text", "etag", "modified", "error"),
    *("errors", "next_at", "floors"),
)
LOOKED_FOR = ("kind", "url", "path", "match", "pattern", "watched", "speaker")


class InvalidTrigger(ValueError):
    """It cannot be had like this; `fields` says why, by field ("" = of the whole)."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class TooManyTriggers(ValueError):
    """The owner, or the agent, has as many as they may have."""


@dataclass(frozen=True)
class Maker:
    """An agent that makes a trigger by a tool: `most` of its own it may have at a time. The same `key` again is the
    same trigger."""

    agent: str
    conversation: UUID
    key: str
    most: int


def create(
    owner_id: int, fields: Mapping[str, Any], now: int, maker: Maker | None = None, *, id: UUID | None = None
) -> tuple[Trigger, bool]:
    """A new trigger; (it, whether it is new). The same `id`, or the same key of a maker, again is the same trigger.
    Raises InvalidTrigger, TooManyTriggers."""
    with transaction.atomic():
        # One after the other, so that nobody gets past the limit by asking twice at once.
        get_user_model().objects.select_for_update().get(pk=owner_id)
        mine = Trigger.objects.filter(owner_id=owner_id)
        if maker is not None and (known := mine.filter(made_key=maker.key).first()):
            return known, False
        if id is not None and (taken := Trigger.objects.filter(pk=id).first()):
            if taken.owner_id != owner_id:
                raise InvalidTrigger({"id": gettext("This id belongs to something else.")})
            return taken, False
        if mine.count() >= settings.HOLDFAST_TRIGGERS_PER_USER:
            raise TooManyTriggers(
                gettext("There are {max} triggers already. Delete one first.").format(
                    max=settings.HOLDFAST_TRIGGERS_PER_USER
                )
            )
        if maker is not None and len(_going_on(mine, maker.agent, now)) >= maker.most:
            raise TooManyTriggers(
                gettext("You may have {max} triggers at a time for this person. Cancel one first.").format(
                    max=maker.most
                )
            )
        trigger = Trigger(owner_id=owner_id, created_at=now)
        trigger.pk = id or trigger.pk
        if maker is not None:
            trigger.made_by, trigger.made_in, trigger.made_key = maker.agent, maker.conversation, maker.key
        _set(trigger, fields)
        store(trigger, now)
        return trigger, True


def _going_on(mine: "QuerySet[Trigger]", agent: str, now: int) -> list[Trigger]:
    """An agent's that have not ended; of those that have, only the newest are kept."""
    rows = list(mine.filter(made_by=agent).order_by("-created_at", "pk"))
    ended = [row for row in rows if row.state(now) in ENDED]
    mine.filter(pk__in=[row.pk for row in ended[MAX_ENDED:]]).delete()
    return [row for row in rows if row not in ended]


def change(trigger_id: UUID, fields: Mapping[str, Any], now: int) -> Trigger | None:
    """Change what `fields` names; None if it is gone. What is pending stays as it was recorded.
    Raises InvalidTrigger."""
    with transaction.atomic():
        trigger = locked(trigger_id)
        if trigger is None:
            return None
        _set(trigger, fields)
        store(trigger, now)
        return trigger


def store(trigger: Trigger, now: int) -> None:
    """Check and write a trigger, in the caller's transaction. If it is new, looks for something else, or goes on after
    it had been paused or had ended, what it waits for begins now. Raises InvalidTrigger."""
    if trigger.kind == "run" and not trigger.outcomes:
        trigger.outcomes = ["finished"]
    _check(trigger)
    trigger.updated_at = now
    old = locked(trigger.pk)
    anew = old is None or _anew(old, trigger, now)
    if anew:
        trigger.seen_digest = trigger.seen_text = trigger.etag = trigger.modified = trigger.error = ""
        trigger.errors, trigger.next_at, trigger.floors = 0, now, {}
        if trigger.kind in WATCHING:
            watching.begin(trigger)
    if old is None:
        trigger.save(force_insert=True)
        return
    # Nothing of how it stands, which has gone on since it was read; nor a secret that could not be opened.
    said = {*FIELDS, "owner", "signed", "updated_at", *(BEGUN if anew else ())}
    trigger.save(update_fields=said - ({"secret"} if old.secret == trigger.secret else set()))


def _anew(old: Trigger, new: Trigger, now: int) -> bool:
    if any(getattr(old, name) != getattr(new, name) for name in LOOKED_FOR):
        return True
    return old.state(now) != "active" and new.state(now) == "active"


def _set(trigger: Trigger, fields: Mapping[str, Any]) -> None:
    if strange := sorted(set(fields) - set(FIELDS)):
        raise InvalidTrigger({strange[0]: gettext("There is no such field.")})
    for name, value in fields.items():
        setattr(trigger, name, value)
    if "secret" in fields:
        trigger.signed = bool(trigger.secret)


def _check(trigger: Trigger) -> None:
    found: dict[str, str] = {}
    try:
        trigger.clean_fields()
    except ValidationError as problem:
        found = {name: " ".join(texts) for name, texts in problem.message_dict.items()}
    if not found:
        found = validation.problems(trigger)
    if found:
        raise InvalidTrigger(found)


def renew_address(trigger_id: UUID, now: int) -> None:
    """Give a webhook another secret address; the old one is worth nothing from now on."""
    Trigger.objects.filter(pk=trigger_id).update(salt=hooks.new_salt(), updated_at=now)


def fire_now(trigger_id: UUID, id: str, now: int) -> TriggerFiring | None:
    """Fire by hand, to try it, whatever the limits say; `id` (of the asker's making) again fires nothing more. None if
    the trigger is gone."""
    trigger = Trigger.objects.filter(pk=trigger_id).first()
    if trigger is None:
        return None
    seen = {**_SAMPLES[trigger.kind], "test": True}
    rows = record(trigger.pk, [Sighting(f"test:{id}", seen, test=True)], now)
    return rows[0] if rows else None


_SAMPLES: dict[str, dict[str, Any]] = {
    "webhook": {"payload": {"test": True}, "delivery": "test"},
    "poll": {"value": "(a test)", "before": "", "url": ""},
    "message": {"text": "(a test)", "who": "", "conversation": "", "title": ""},
    "run": {
        "run": "",
        "status": "finished",
        "answer": "(a test)",
        "detail": "",
        "agent": "",
        "conversation": "",
    },
}
