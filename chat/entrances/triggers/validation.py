"""What is wrong with a trigger as somebody wants it, by field, in words that say what to do. Used by the admin, the
web API and the agents' tools alike."""

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from agents.borders import is_blank
from agents.models import Agent
from agents.tools import ToolError
from chat import extensions
from chat.commands import MAX_TEXT
from chat.entrances.triggers import addresses, matching, senders, templating
from chat.models import Conversation

#: Characters of a signing secret.
MAX_SECRET = 300
DAY_S = 86_400
#: The entrance whose sources a trigger's `after_schedule` names; there may be none here.
SCHEDULES = "schedule"
MAX_WATCHED = 50
#: What the fields of a prompt may begin with.
SEEN: dict[str, frozenset[str]] = {
    "webhook": frozenset({"payload", "delivery", "event", "headers"}),
    "poll": frozenset({"value", "before", "url"}),
    "message": frozenset({"text", "who", "conversation", "title"}),
    "run": frozenset({"run", "status", "answer", "detail", "agent", "conversation", "title"}),
}
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_NUMBERS: dict[str, tuple[int, int]] = {
    "cooldown_s": (0, 30 * DAY_S),
    "per_hour": (1, 1_000),
    "max_fires": (1, 1_000_000_000),
}

Problems = dict[str, str]


def problems(trigger: Any) -> Problems:
    """What is wrong, by field; empty if nothing is. Asks the database, so call it in a thread."""
    found: Problems = {}
    for check in (_texts, _numbers, _looking, _address, _headers, _places, _sources):
        for field, told in check(trigger).items():
            found.setdefault(field, told)
    return found


def _texts(trigger: Any) -> Problems:
    found: Problems = {}
    if is_blank(trigger.name):
        found["name"] = gettext("Give it a name.")
    if is_blank(trigger.prompt):
        found["prompt"] = gettext("Say what the agent is to do.")
    elif len(trigger.prompt) > MAX_TEXT:
        found["prompt"] = gettext("At most {max} characters.").format(max=f"{MAX_TEXT:,}")
    elif len(templating.fields(trigger.prompt)) > templating.MAX_FIELDS:
        found["prompt"] = gettext("At most {max} fields.").format(max=templating.MAX_FIELDS)
    elif bad := templating.unreadable(trigger.prompt):
        found["prompt"] = (
            f"{{{{ {bad[0][:60]} }}}} is no field. Write it like {{{{ payload.items[0].name }}}}."
        )
    elif trigger.kind in SEEN and (strange := templating.roots(trigger.prompt) - SEEN[trigger.kind]):
        known = ", ".join(sorted(SEEN[trigger.kind]))
        found["prompt"] = gettext("There is no field {name} here. There are: {known}.").format(
            name=repr(sorted(strange)[0]), known=known
        )
    return found


def _numbers(trigger: Any) -> Problems:
    found: Problems = {}
    for field, (least, most) in _NUMBERS.items():
        value = getattr(trigger, field)
        if value is not None and not least <= value <= most:
            found[field] = gettext("Choose a number from {least} to {most}.").format(
                least=f"{least:,}", most=f"{most:,}"
            )
    return found


def _looking(trigger: Any) -> Problems:
    found: Problems = {}
    try:
        if trigger.path and not (trigger.kind == "webhook" and _is_of_delivery(trigger.path)):
            matching.path_of(trigger.path)
    except matching.UnusablePattern as problem:
        found["path"] = str(problem)
    if trigger.kind in ("message", "run") and trigger.path:
        found["path"] = gettext("Only webhooks and addresses have a JSON path.")
    if trigger.match == "any":
        return found
    if trigger.kind == "run":
        found["match"] = gettext("What a run says is not matched; choose “everything”.")
    elif not trigger.pattern.strip():
        found["pattern"] = gettext("Say what to look for.")
    elif trigger.match == "regex":
        try:
            matching.pattern_of(trigger.pattern)
        except matching.UnusablePattern as problem:
            found["pattern"] = str(problem)
    return found


def _is_of_delivery(path: str) -> bool:
    """Whether it names something of a delivery beside its payload: `event`, `headers.x-name`, `delivery`."""
    named = bool(templating.pieces(path)) and not templating.unreadable(f"{{{{ {path} }}}}")
    return named and templating.pieces(path)[0] in SEEN["webhook"] - {"payload"}


def _address(trigger: Any) -> Problems:
    if trigger.kind != "poll":
        return {}
    found: Problems = {}
    try:
        addresses.fetcher().check(trigger.url)
    except ToolError as problem:
        found["url"] = str(problem)
    least = settings.HOLDFAST_TRIGGER_LEAST_S
    if trigger.interval_s is not None and not least <= trigger.interval_s <= 31 * DAY_S:
        found["interval_s"] = gettext("Choose at least {least} seconds, and at most 31 days.").format(
            least=least
        )
    return found


def _headers(trigger: Any) -> Problems:
    found: Problems = {}
    for field in ("signature_header", "delivery_header"):
        value = getattr(trigger, field)
        place = field == "delivery_header" and senders.is_place(value)
        if value and not _HEADER.fullmatch(value) and not place:
            found[field] = gettext(
                "The name of a header has letters, digits and hyphens, like X-Delivery-Id."
            )
    sender = trigger.sender or "hmac"
    if sender not in senders.SENDERS:
        found["sender"] = gettext("There is no such sender.")
    elif sender != "hmac" and trigger.kind == "webhook" and not (trigger.secret or trigger.signed):
        found["secret"] = gettext("Enter the secret with which it signs.")
    elif sender == "basic" and trigger.secret and ":" not in trigger.secret:
        found["secret"] = gettext("Write it like name:password.")
    if trigger.secret and sender in ("hmac", "token") and not trigger.signature_header:
        found["signature_header"] = gettext("Say in which header the signature is.")
    if len(trigger.secret) > MAX_SECRET:
        found["secret"] = gettext("At most {max} characters.").format(max=MAX_SECRET)
    return found


def _places(trigger: Any) -> Problems:
    found: Problems = {}
    if trigger.owner_id is None:
        return found
    if trigger.agent and not Agent.objects.filter(slug=trigger.agent, enabled=True).exists():
        found["agent"] = gettext("There is no enabled agent with this slug.")
    if trigger.conversation is not None and not _own(trigger.owner_id, [trigger.conversation]):
        found["conversation"] = gettext("The owner has no such conversation.")
    return found


def _sources(trigger: Any) -> Problems:
    found: Problems = {}
    watched = trigger.watched
    if not isinstance(watched, list) or len(watched) > MAX_WATCHED:
        found["watched"] = gettext("Give a list of at most {max} conversations.").format(max=MAX_WATCHED)
    else:
        try:
            ids = [UUID(str(one)) for one in watched]
        except ValueError:
            ids = []
            found["watched"] = gettext("Give ids of conversations.")
        if ids and trigger.owner_id is not None and not _own(trigger.owner_id, ids):
            found["watched"] = gettext("The owner does not have all of these conversations.")
    known = ("finished", "failed", "stopped")
    if not isinstance(trigger.outcomes, list) or any(one not in known for one in trigger.outcomes):
        found["outcomes"] = gettext("Choose from: {known}.").format(known=", ".join(known))
    if trigger.after_agent and not Agent.objects.filter(slug=trigger.after_agent).exists():
        found["after_agent"] = gettext("There is no agent with this slug.")
    if trigger.after_trigger is not None:
        mine = type(trigger).objects.filter(pk=trigger.after_trigger, owner_id=trigger.owner_id)
        if not mine.exists():
            found["after_trigger"] = gettext("The owner has no such trigger.")
        elif trigger.after_trigger == trigger.pk:
            found["after_trigger"] = gettext("A trigger does not follow from itself.")
    if trigger.after_schedule is not None:
        schedules = extensions.sources(SCHEDULES)
        if schedules is None or not schedules.owns(trigger.owner_id, trigger.after_schedule):
            found["after_schedule"] = gettext("The owner has no such schedule.")
    return found


def _own(owner_id: int, ids: list[UUID]) -> bool:
    rows = Conversation.objects.filter(pk__in=ids, owner_id=owner_id, deleted_at=None)
    return rows.count() == len(set(ids))
