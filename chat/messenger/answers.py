"""What the journal says has to be told to a chat: answers of runs, what was said through other doors, and what the
model is no longer sent (marks.py).

Everything is read from SQL and written to the outbox under names made from the runs and messages themselves, so any
worker, at any time, any number of times, comes to the same messages. What lies before the lane's mark (told.py) is not
read again, but for runs that were not over there.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import translation

from agents import events as e
from chat import extensions
from chat.journal import replies
from chat.messenger import marks, outbox, texts, told
from chat.messenger.adapter import Messenger, made_id
from chat.messenger.database import OUTAGES
from chat.messenger.models import InboundMessage, Lane
from chat.models import Conversation, Event, Message, Run, Step

log = logging.getLogger(__name__)

#: Runs of one look; after a long absence the rest comes with the next one.
MAX_RUNS = 200
#: Messages of a chat that are looked at for having joined a run, or for being the one that is spoken of.
MAX_JOINED = 200
ENDS = ("run.finished", "run.failed", "run.stopped")


class Answers:
    """What one lane's chat is told in messages, for the worker `me` that has it."""

    def __init__(self, messenger: Messenger, lane: Lane, me: str) -> None:
        self._messenger = messenger
        self._tables = messenger.tables
        self._lane = lane
        self._me = me
        self._language = messenger.language(lane.app)
        #: Runs and messages of which nothing can be made: logged once.
        self._broken: set[str] = set()

    def catch_up(self, known: told.Read | None = None) -> told.Read | None:
        """Put into the outbox what the journal has beyond the lane's mark. None: the lane is not ours, or its
        conversation is gone. `known`: what it came to the last time; without news it is that again, at the cost of one
        short query."""
        if known is not None:
            ours = self._tables.lanes.filter(pk=self._lane.pk, claimed_by=self._me).values("conversation")
            if Conversation.objects.filter(id__in=ours, deleted_at=None, head_seq=known.head).exists():
                return known
        with transaction.atomic(), translation.override(self._language):
            lane = self._tables.lanes.select_for_update(of=("self",)).get(pk=self._lane.pk)
            row = Conversation.objects.filter(id=lane.conversation, deleted_at=None).first()
            if row is None or lane.claimed_by != self._me:
                return None
            return self._read(row, lane.head_seq)

    def mark(self, read: told.Read, drawn: told.Drawn) -> int:
        """Store how far the chat is told now; the mark."""
        mine = self._tables.lanes.filter(pk=self._lane.pk, claimed_by=self._me)
        was = mine.values_list("head_seq", flat=True).first()
        if was is None:
            return 0
        now = told.mark(was, read, drawn)
        if now > was:
            mine.filter(head_seq__lt=now).update(head_seq=now)
        return now

    def target_of(self, run: str) -> str:
        """The messenger's message that a run answers, empty if it was asked elsewhere."""
        rows = self._tables.messages.filter(run=run).order_by("sent_at", "id")
        return rows.values_list("message_id", flat=True).first() or ""

    def _read(self, row: Conversation, mark: int) -> told.Read:
        echoed = mark
        runs = _untold(row, mark)
        for run in runs:
            if run.seq > echoed:
                self._echo(row, echoed, run.seq)
                echoed = run.seq
            echoed = max(echoed, self._told_of(row, run, echoed))
            if run.status in e.ACTIVE_RUN:
                self._echo(row, echoed, row.head_seq)
                return told.Read(row.head_seq, run.run, run.seq, run.status == "waiting")
        if len(runs) == MAX_RUNS:
            return told.Read(runs[-1].seq)  # there may be more: read to here, and looked at again
        self._echo(row, echoed, row.head_seq)
        return told.Read(row.head_seq)

    def _told_of(self, row: Conversation, run: Run, echoed: int) -> int:
        """Put a run's answers into the outbox; up to which seq others' words stand before them. A run of which nothing
        can be made is told as such: it must not keep the chat from all that follows."""
        try:
            with transaction.atomic():
                return self._answer(row, run, echoed)
        except OUTAGES:
            raise
        except Exception:
            self._log_once(run.run)
        if run.status not in e.ACTIVE_RUN:
            self._put(str(texts.CANNOT_TELL), "answer", run.run, "end", run=run.run)
            outbox.complete(self._tables, run.run)
        return echoed

    def _echo(self, row: Conversation, after: int, upto: int) -> None:
        """Show what was said through other doors, and what the model is no longer sent, or is again."""
        said = Message.objects.filter(conversation=row, kind="message", seq__gt=after, seq__lte=upto)
        found: list[tuple[int, str, Callable[[], None]]] = [
            (one.seq, one.message, partial(self._echo_one, row, one)) for one in said
        ]
        for group in marks.between(row, after, upto):
            seq = group[0][0]
            found.append((seq, f"The mark at {seq}", partial(self._mark_group, row, group)))
        for _, what, tell in sorted(found, key=lambda one: one[0]):
            try:
                with transaction.atomic():
                    tell()
            except OUTAGES:
                raise
            except Exception:
                self._log_once(what)

    def _echo_one(self, row: Conversation, message: Message) -> None:
        origin = message.body.get("origin") or {}
        if origin.get("entrance") != self._messenger.name:
            who = self._messenger.markup.escape(str(origin.get("name") or row.owner.get_username()))
            door = extensions.label(str(origin.get("entrance", "web")))
            text = f"**{who}** ({door}):\n{message.body['text']}"
            self._put(text, "said", message.message)

    def _mark_group(self, row: Conversation, group: Sequence[tuple[int, marks.Mark]]) -> None:
        text = marks.told(row, [mark for _, mark in group], self._messenger.markup)
        # Both ends are in the key: a group that was read before all of it was stored loses nothing.
        target = self._inbound(group[0][1].message) if len(group) == 1 else ""
        self._put(text, "mark", group[0][0], group[-1][0], reply_to=target)

    def _inbound(self, message: str) -> str:
        """The messenger's id of a message of the conversation, if it is one of the chat's newest."""
        lane = self._lane
        rows = self._tables.messages.filter(
            app_id=lane.app_id, chat_id=lane.chat_id, thread_id=lane.thread_id
        ).order_by("-pk")
        newest = rows.only("pk", "app_id", "message_id")[:MAX_JOINED]
        return next((one.message_id for one in newest if message_of(self._messenger, one) == message), "")

    def _answer(self, row: Conversation, run: Run, echoed: int) -> int:
        """The answers of a run: each response without calls is one, for messages may join a run that has answered
        before (rule R6). They go out while it is at work; how it ended, when it is over."""
        steps = list(
            Step.objects.filter(conversation=row, run=run.run, status__in=("finished", "stopped")).order_by(
                "seq"
            )
        )
        asked = self._joined(row, run, steps[-1].seq) if steps else []
        before, is_whole = 0, False
        for step in steps:
            text = step.body["text"].strip()
            if step.status == "finished" and not step.body["calls"] and text:
                if step.seq > echoed:
                    self._echo(row, echoed, step.seq)
                    echoed = step.seq
                joined = next((id for seq, id in asked if before < seq < step.seq), "")
                target = joined if before else self.target_of(run.run)
                half = replies.incomplete(step.body)
                whole = f"{text}\n\n*{half}*" if half else text
                self._put(whole, "answer", run.run, step.step, reply_to=target, run=run.run)
                before, is_whole = step.seq, step is steps[-1]
        if run.status in e.ACTIVE_RUN:
            return echoed
        ended = replies.ending(run)
        if ended or not is_whole:
            last = steps[-1].body if steps and not is_whole else {"text": ""}
            told = (last["text"].strip(), *(f"*{one}*" for one in (replies.incomplete(last), ended) if one))
            whole = "\n\n".join(part for part in told if part)
            whole = whole or str(replies.EMPTY)
            self._put(whole, "answer", run.run, "end", reply_to=self.target_of(run.run), run=run.run)
        outbox.complete(self._tables, run.run)
        return echoed

    def _joined(self, row: Conversation, run: Run, seq: int) -> list[tuple[int, str]]:
        """Messages that were read by the run before `seq`, and have no answer yet: (seq, the messenger's id), in order.
        Those that came while it was at work are answered by it, too (rule R6), and marked with it."""
        lane = self._lane
        open_rows = self._tables.messages.filter(
            app_id=lane.app_id,
            chat_id=lane.chat_id,
            thread_id=lane.thread_id,
            state__in=("taken", "received"),  # it may be in the conversation and not be marked yet
            answered_at=None,
        )
        listed = open_rows.only("pk", "app_id", "message_id", "run")[:MAX_JOINED]
        named = {message_of(self._messenger, one): one for one in listed}
        if not named:
            return []
        read = Message.objects.filter(conversation=row, message__in=list(named), seq__lt=seq).order_by("seq")
        found = [(place, named[id]) for id, place in read.values_list("message", "seq")]
        theirs = Run.objects.filter(conversation=row, run__in=[one.run for _, one in found]).exclude(
            run=run.run
        )
        others = set(theirs.values_list("run", flat=True))  # messages that have runs of their own
        mine = [(place, one) for place, one in found if one.run not in others]
        self._tables.messages.filter(pk__in=[one.pk for _, one in mine]).update(run=run.run)
        return [(place, one.message_id) for place, one in mine]

    def _log_once(self, what: str) -> None:
        if what not in self._broken:
            self._broken.add(what)
            log.exception("%s of lane %s cannot be told.", what, self._lane.pk)

    def _put(self, text: str, *key: object, reply_to: str = "", run: str = "") -> None:
        outbox.put(self._messenger, self._lane, text, *key, reply_to=reply_to, run=run)


def message_of(messenger: Messenger, row: InboundMessage) -> str:
    """The id in its conversation of what came in."""
    return made_id(messenger, "message", row.app_id, row.message_id)


def ended_as(lane: Lane, run: str) -> str:
    """The status with which a run ended, as the journal has it."""
    runs = Run.objects.filter(conversation=lane.conversation, run=run).exclude(status__in=e.ACTIVE_RUN)
    return runs.values_list("status", flat=True).first() or "finished"


def _untold(row: Conversation, mark: int) -> list[Run]:
    """The runs that a chat told up to `mark` has to hear of, oldest first: those queued after it, and those that were
    not over there."""
    ends = Event.objects.filter(conversation=row, seq__gt=mark, type__in=ENDS).order_by("seq")
    read = [e.from_json(text) for text in ends.values_list("text", flat=True)[:MAX_RUNS]]
    over = [event.run for event in read if isinstance(event, e.RunFinished | e.RunFailed | e.RunStopped)]
    open_ones = Q(run__in=over) | Q(status__in=sorted(e.ACTIVE_RUN)) | Q(seq__gt=mark)
    return list(Run.objects.filter(open_ones, conversation=row).order_by("seq")[:MAX_RUNS])
