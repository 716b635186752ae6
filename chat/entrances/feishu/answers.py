"""What the journal says has to be told to a chat: answers of runs that are over, and what was said elsewhere.

Everything is read from SQL and written to the outbox under names made from the runs and messages themselves, so any
worker, at any time, any number of times, comes to the same messages.
"""

from dataclasses import dataclass

from django.db import transaction

from agents.events import ACTIVE_RUN
from chat import replies
from chat.entrances.feishu import outbox
from chat.entrances.feishu.intake import message_of
from chat.entrances.feishu.models import FeishuLane, FeishuMessage
from chat.models import Conversation, Message, Run

#: Pages of what a long absence has left; the rest comes with the next look.
MOST = 200


@dataclass(frozen=True)
class Caught:
    """How far the chat is: the head that was read, and the run that is not over."""

    head: int
    run: str
    waiting: bool


def catch_up(lane_id: int, me: str) -> Caught | None:
    """Put into the outbox what the journal has beyond the lane's marks, and move these. None: the lane is not ours, or
    its conversation is gone."""
    with transaction.atomic():
        lane = FeishuLane.objects.select_for_update(of=("self",)).get(pk=lane_id)
        row = Conversation.objects.filter(id=lane.conversation, deleted_at=None).first()
        if row is None or lane.claimed_by != me:
            return None
        active = None
        runs = Run.objects.filter(conversation=row, seq__gt=lane.run_seq).order_by("seq")
        for run in runs[:MOST]:
            _echo(lane, row, run.seq)
            if run.status in ACTIVE_RUN:
                active = run
                break
            _answer(lane, row, run)
            lane.run_seq = run.seq
        _echo(lane, row, row.head_seq)
        lane.save(update_fields=["run_seq", "said_seq"])
    waiting = active is not None and active.status == "waiting"
    return Caught(row.head_seq, active.run if active else "", waiting)


def delivered(lane: int, me: str, head: int) -> None:
    """The chat has everything up to here."""
    FeishuLane.objects.filter(pk=lane, claimed_by=me, head_seq__lt=head).update(head_seq=head)


def target_of(run: str) -> str:
    """The Feishu message that a run answers, empty if it was asked elsewhere."""
    rows = FeishuMessage.objects.filter(run=run).order_by("sent_at", "id")
    return rows.values_list("message_id", flat=True).first() or ""


def _echo(lane: FeishuLane, row: Conversation, upto: int) -> None:
    """Show what was said through other doors."""
    said = Message.objects.filter(conversation=row, kind="message", seq__gt=lane.said_seq, seq__lte=upto)
    for message in said.order_by("seq"):
        origin = message.body.get("origin") or {}
        if origin.get("entrance") != "feishu":
            who = origin.get("name") or row.owner.get_username()
            text = f"**{who}** ({origin.get('entrance', 'web')}):\n{message.body['text']}"
            outbox.put(lane, text, "said", message.message)
    lane.said_seq = max(lane.said_seq, upto)


def _answer(lane: FeishuLane, row: Conversation, run: Run) -> None:
    _joined(lane, row, run)
    whole = replies.reply_of(run).whole
    outbox.put(lane, whole, "answer", run.run, reply_to=target_of(run.run), run=run.run)


def _joined(lane: FeishuLane, row: Conversation, run: Run) -> None:
    """Messages that came while the run was at work and were read by it are answered by it (rule R6)."""
    open_rows = FeishuMessage.objects.filter(
        app_id=lane.app_id,
        chat_id=lane.chat_id,
        thread_id=lane.thread_id,
        state__in=("taken", "received"),  # it may be in the conversation and not be marked yet
        answered_at=None,
    ).exclude(
        run__in=Run.objects.filter(conversation=row).values("run")
    )  # these are answered by their own run
    named = {message_of(one): one.pk for one in open_rows.only("pk", "app_id", "message_id")[:MOST]}
    if not named:
        return
    read = replies.readers(row.id, named)
    keys = [named[message] for message, reader in read.items() if reader == run.run]
    FeishuMessage.objects.filter(pk__in=keys).update(run=run.run)
