"""Finding what triggers wait for in the journal: messages, answers, and runs that have ended.

    conversations of owners with such triggers, whose head is beyond their scan
        ─► read the events in between ─► one transaction: move the scan by compare-and-set, record what was found

Per conversation the journal has no gaps and its head is moved in the transaction that writes the events, so what lies
before the head is all there: no event can appear behind a scan. (Row ids over several conversations promise no such
thing.) A worker that was away reads on where the last one stopped. Plain functions for a database thread.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from pydantic import ValidationError

from agents import events as e
from chat import extensions, set_aside
from chat.automation.firing import is_of_chat
from chat.entrances.triggers.answers import Answers, Question, Unanswered, answer
from chat.entrances.triggers.models import WATCHING, Trigger, TriggerFiring, TriggerScan
from chat.entrances.triggers.store import Sighting, locked, record_one
from chat.entrances.triggers.templating import cut
from chat.entrances.triggers.validation import SCHEDULES
from chat.journal import replies
from chat.models import Conversation, Event, Message, Run, Step

log = logging.getLogger(__name__)

#: Conversations of one round, and events that are read of each.
BATCH = 500
MAX_EVENTS = 500
#: Rows written at once when an owner's first trigger begins.
CHUNK = 500
#: Characters of what was said that a firing keeps.
MAX_SEEN_TEXT = 16_000
TYPES = ("message.added", "step.finished", "run.finished", "run.failed", "run.stopped")


class Outrun(Exception):
    """Another worker has read this conversation in the meantime."""


# ---- where watching begins ----


def begin(trigger: Trigger) -> None:
    """Have a trigger see what happens from now on and nothing older. In the transaction that makes it, or lets it go
    on.

    With an owner's first one, all their conversations count as read up to now. Later ones note where those
    conversations stand that were not read to their ends yet.
    """
    others = Trigger.objects.filter(owner_id=trigger.owner_id, kind__in=WATCHING).exclude(pk=trigger.pk)
    behind = _behind(Q(owner_id=trigger.owner_id)).values_list("id", "head_seq")
    if others.exists():
        trigger.floors = {str(id): seq for id, seq in behind}
        return
    trigger.floors = {}
    scans = [TriggerScan(conversation_id=id, seq=seq) for id, seq in behind]
    for start in range(0, len(scans), CHUNK):
        TriggerScan.objects.bulk_create(
            scans[start : start + CHUNK],
            update_conflicts=True,
            unique_fields=["conversation"],
            update_fields=["seq"],
        )


def passed_over(conversation: UUID, seq: int) -> None:
    """Have no trigger see what a conversation that was brought in from a file says up to `seq`."""
    TriggerScan.objects.update_or_create(conversation_id=conversation, defaults={"seq": seq})


def _behind(which: Q) -> Any:
    """Conversations with events that were not read yet."""
    read = TriggerScan.objects.filter(conversation=OuterRef("pk"), seq__gte=OuterRef("head_seq"))
    return Conversation.objects.filter(~Exists(read), which, deleted_at=None, head_seq__gt=0)


# ---- one round ----


#: Where a conversation stands among those that wait to be read: when it was written to last, and its id.
Place = tuple[int, UUID]


def behind(since: int = 0, after: Place | None = None, limit: int = BATCH) -> list[Place]:
    """A page of the conversations in which something may have happened that somebody waits for, the longest waiting
    first. `after` is the last of the page before: what cannot be read stays, and must not hide the others.

    `since` (ms) keeps the question cheap where there are many: only those in which anything was said or ended from then
    on. That is by the clocks of whoever wrote it, so all others have their `turn`.
    """
    which = _watched()
    if since:
        which &= Q(updated_at__gte=since)
    if after is not None:
        at, id = after
        which &= Q(updated_at__gt=at) | Q(updated_at=at, id__gt=id)
    return list(_behind(which).order_by("updated_at", "id").values_list("updated_at", "id")[:limit])


def turn(after: Place | None = None, limit: int = BATCH) -> tuple[list[Place], Place | None]:
    """The next `limit` conversations of all, wherever they are: those of them in which something may have happened that
    somebody waits for, and where the next turn begins (None: at the beginning, all have been looked at). It costs the
    same however many conversations there are."""
    rows = Conversation.objects.all()
    if after is not None:
        at, id = after
        # The first condition alone finds its place in the index.
        rows = rows.filter(Q(updated_at__gte=at) & (Q(updated_at__gt=at) | Q(updated_at=at, id__lt=id)))
    places = list(rows.order_by("updated_at", "-id").values_list("updated_at", "id")[:limit])
    found = set(_behind(_watched() & Q(pk__in=[id for _, id in places])).values_list("id", flat=True))
    return [one for one in places if one[1] in found], places[-1] if len(places) == limit else None


def _watched() -> Q:
    """Conversations of those who wait for something in them."""
    owners = Trigger.objects.filter(kind__in=WATCHING).order_by().values_list("owner_id", flat=True)
    return Q(owner_id__in=list(owners.distinct()))


def scan(conversation: UUID, now: int, aside: set_aside.Queue | None = None) -> list[TriggerFiring]:
    """Read on in one conversation; what was recorded. Nothing if another worker was faster.

    `aside`: the queue to which goes what an event that raises would have been to a trigger; without one it raises, and
    nothing is read."""
    read = _read(conversation)
    if read is None:
        return []
    try:
        with transaction.atomic():
            return _scan(*read, now, aside)
    except (Outrun, Unanswered):
        return []


def _read(conversation: UUID) -> tuple[UUID, int, list[tuple[int, str, str]], Answers] | None:
    """What is new in a conversation, with what all patterns say about it: (conversation, up to where it had been read,
    rows, answers). None if nothing is new."""
    row = Conversation.objects.select_related("owner").filter(pk=conversation, deleted_at=None).first()
    if row is None:
        return None
    scan, _ = TriggerScan.objects.get_or_create(conversation=row)
    rows = list(
        Event.objects.filter(conversation=row, seq__gt=scan.seq, seq__lte=row.head_seq)
        .order_by("seq")
        .values_list("seq", "type", "text")[:MAX_EVENTS]
    )
    triggers = list(Trigger.objects.filter(owner_id=row.owner_id, kind="message").exclude(match="any"))
    answers = Answers()
    for place, one in enumerate(rows):
        if answers.full:
            rows = rows[:place]
            break
        for _, event in _events([one]) if triggers and one[1] in TYPES else ():
            found = (question_of(trigger, row, event) for trigger in triggers)
            answers.ask(question for question in found if question is not None)
    return (row.pk, scan.seq, rows, answers) if rows else None


def tell_again(key: str, now: int) -> None:
    """Have a trigger see an event that was set aside under this key. Raises ValueError if one of them is gone."""
    trigger, place, seq = key.split(":")
    row = Conversation.objects.filter(pk=place, deleted_at=None).first()
    held = locked(UUID(trigger))
    found = Event.objects.filter(conversation=row, seq=seq).values_list("seq", "type", "text").first()
    if row is None or held is None or found is None:
        raise ValueError("The trigger or the conversation is gone.")
    for _, event in _events([found]):
        if (sighting := sighting_of(held, row, int(seq), event)) is not None:
            record_one(held, sighting, now)


def _scan(
    conversation: UUID,
    before: int,
    rows: list[tuple[int, str, str]],
    answers: Answers,
    now: int,
    aside: set_aside.Queue | None,
) -> list[TriggerFiring]:
    row = Conversation.objects.filter(pk=conversation, deleted_at=None).first()
    if row is None:
        return []
    last = rows[-1][0]
    if TriggerScan.objects.filter(pk=row.pk, seq=before).update(seq=last) != 1:
        raise Outrun
    events = _events([one for one in rows if one[1] in TYPES])
    triggers = Trigger.objects.filter(owner_id=row.owner_id, kind__in=WATCHING).order_by("pk")
    tell = partial(_tell, answers) if aside is None else partial(_tell_each, aside, answers)
    return [firing for trigger in triggers for firing in tell(trigger, row, events, last, now)]


def _tell_each(
    aside: set_aside.Queue,
    answers: Answers,
    trigger: Trigger,
    row: Conversation,
    events: list[tuple[int, e.Event]],
    last: int,
    now: int,
) -> list[TriggerFiring]:
    """As `_tell`, one event after the other; those that raise are set aside."""
    found: list[TriggerFiring] = []
    for seq, event in events:
        try:
            with transaction.atomic():
                found += _tell(answers, trigger, row, [(seq, event)], seq, now)
        except (*set_aside.OUTAGES, Unanswered):
            raise
        except Exception as problem:
            set_aside.put_aside(aside, f"{trigger.pk}:{row.pk}:{seq}", problem)
    return found + _tell(answers, trigger, row, [], last, now)


def _tell(
    answers: Answers,
    trigger: Trigger,
    row: Conversation,
    events: list[tuple[int, e.Event]],
    last: int,
    now: int,
) -> list[TriggerFiring]:
    """Record what these events are to a trigger."""
    if trigger.made_in not in (None, row.pk) and is_of_chat(trigger.made_in):
        return []  # whoever had it set up speaks in that chat and hears no other
    seen = [(seq, sighting_of(trigger, row, seq, event, answers.of)) for seq, event in events]
    found = [(seq, sighting) for seq, sighting in seen if sighting is not None]
    place = str(row.pk)
    if not found and place not in trigger.floors:
        return []
    held = locked(trigger.pk)
    if held is None:
        return []
    # Of the locked row: it may have been paused or begun anew since.
    floor = held.floors.get(place, 0)
    if floor and last >= floor:
        held.floors.pop(place)
        held.save(update_fields=["floors"])
    return [record_one(held, sighting, now) for seq, sighting in found if seq > floor]


def _events(rows: Iterable[tuple[int, str, str]]) -> list[tuple[int, e.Event]]:
    events: list[tuple[int, e.Event]] = []
    for seq, kind, text in rows:
        try:
            events.append((seq, e.from_json(text)))
        except ValidationError:
            log.error("An event of type %s at %d cannot be read and fires nothing.", kind, seq)
    return events


# ---- what an event means to a trigger ----


def question_of(trigger: Trigger, row: Conversation, event: e.Event) -> Question | None:
    """What a trigger asks about an event before it knows what it is; None if it does not look at such events at all."""
    if trigger.kind != "message" or (trigger.watched and str(row.pk) not in trigger.watched):
        return None
    said = _said(trigger.speaker, row, event)
    return None if said is None else (trigger.match, trigger.pattern, said[1])


def sighting_of(
    trigger: Trigger,
    row: Conversation,
    seq: int,
    event: e.Event,
    answer: Callable[[Question], bool] = answer,
) -> Sighting | None:
    """The event as this trigger sees it; None if it does not look at such events at all. `answer` knows whether a text
    is one that is looked for."""
    if trigger.watched and str(row.pk) not in trigger.watched:
        return None
    place = {"conversation": str(row.pk), "title": row.title}
    if trigger.kind == "message":
        said = _said(trigger.speaker, row, event)
        if said is None:
            return None
        who, text = said
        matched = answer((trigger.match, trigger.pattern, text))
        run = event.run if isinstance(event, e.StepFinished) else ""
        chain = chain_of(row.pk, seq, run) if matched and run else ()
        seen = {"text": cut(text, MAX_SEEN_TEXT), "who": who, **place}
        return Sighting(f"message:{row.pk}:{seq}", seen, matched=matched, chain=chain)
    if not isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped):
        return None
    return _ended(trigger, row, seq, event, place)


def _said(speaker: str, row: Conversation, event: e.Event) -> tuple[str, str] | None:
    """(who, text), if the event is something that such a speaker says. What schedules and triggers say is neither."""
    if isinstance(event, e.MessageAdded) and speaker != "agent":
        of_person = _is_of_people(event.origin.entrance)
        return (event.origin.name or row.owner.get_username(), event.text) if of_person else None
    if isinstance(event, e.StepFinished) and speaker != "person" and event.text.strip():
        return row.agent, event.text
    return None


def _is_of_people(entrance: str) -> bool:
    """Whether who speaks through this entrance is a person. Of one that is not installed that is not known, and a
    trigger that fires on a machine's words may do so for ever."""
    found = extensions.find(entrance)
    return found is not None and found.attended


def _ended(
    trigger: Trigger,
    row: Conversation,
    seq: int,
    event: e.RunFinished | e.RunFailed | e.RunStopped,
    place: dict[str, str],
) -> Sighting | None:
    status = event.type.removeprefix("run.")
    if trigger.after_agent and trigger.after_agent != row.agent:
        return None
    if trigger.after_trigger is not None and not _began(trigger.after_trigger, row.pk, seq, event.run):
        return None
    if trigger.after_schedule is not None and not _scheduled(trigger.after_schedule, row.pk, event.run):
        return None
    run = Run.objects.filter(conversation=row, run=event.run).first()
    reply = replies.reply_of(run) if run is not None else None
    seen = {
        "run": event.run,
        "status": status,
        "answer": cut(reply.text, MAX_SEEN_TEXT) if reply is not None else "",
        "detail": reply.ending if reply is not None else "",
        "agent": row.agent,
        **place,
    }
    matched = status in (trigger.outcomes or ("finished",))
    chain = chain_of(row.pk, seq, event.run) if matched else ()
    return Sighting(f"run:{row.pk}:{event.run}", seen, matched=matched, chain=chain)


def _messages_read(conversation: UUID, seq: int, run: str) -> list[str]:
    """The messages that a run has answered up to `seq`: its cause and what joined it, that is, all that came after the
    last response of the run before it (rule R6)."""
    steps = Step.objects.filter(conversation_id=conversation, seq__lt=seq).exclude(run=run)
    after = steps.order_by("-seq").values_list("seq", flat=True).first() or 0
    said = Message.objects.filter(conversation_id=conversation, kind="message", seq__gt=after, seq__lt=seq)
    return list(said.values_list("message", flat=True))


def _firings_behind(conversation: UUID, seq: int, run: str) -> Iterable[TriggerFiring]:
    messages = _messages_read(conversation, seq, run)
    return TriggerFiring.objects.filter(conversation=conversation, message__in=messages)


def chain_of(conversation: UUID, seq: int, run: str) -> tuple[str, ...]:
    """The triggers that led to what a run did at `seq`, the latest last; none if people alone had spoken."""
    chains = [tuple(row.chain) for row in _firings_behind(conversation, seq, run)]
    longest = max(chains, key=len, default=())
    others = {name for chain in chains for name in chain} - set(longest)
    return (*sorted(others), *longest)


def _began(trigger: UUID, conversation: UUID, seq: int, run: str) -> bool:
    return any(row.trigger_id == trigger for row in _firings_behind(conversation, seq, run))


def _scheduled(schedule: UUID, conversation: UUID, run: str) -> bool:
    sources = extensions.sources(SCHEDULES)
    cause = Run.objects.filter(conversation_id=conversation, run=run).values_list("cause", flat=True).first()
    return sources is not None and cause is not None and sources.began(schedule, conversation, cause)
