"""What the journal says has to be told to a chat: answers of runs that are over, and what was said elsewhere.

Everything is read from SQL and written to the outbox under names made from the runs and messages themselves, so any
worker, at any time, any number of times, comes to the same messages.
"""

from dataclasses import dataclass

from django.db import transaction

from agents.events import ACTIVE_RUN
from chat.entrances.feishu.models import FeishuLane, FeishuMessage
from chat.journal import replies
from chat.messenger import outbox
from chat.messenger.intake import message_of
from chat.models import Conversation, Message, Run, Step

#: Pages of what a long absence has left; the rest comes with the next look.
MOST = 200


@dataclass(frozen=True)
class Caught:
    """How far the chat is: the head that was read, and the run that is not over."""

    head: int
    run: str
    waiting: bool


def catch_up(lane_id: int, me: str, known: Caught | None = None) -> Caught | None:
    """Put into the outbox what the journal has beyond the lane's marks, and move these. None: the lane is not ours, or
    its conversation is gone. `known`: what it came to the last time; without news it is that again, at the cost of
    one short query."""
    if known is not None:
        lanes = FeishuLane.objects.filter(pk=lane_id).values("conversation")
        ours = Conversation.objects.filter(id__in=lanes, deleted_at=None, head_seq=known.head)
        if ours.exists():
            return known
    with transaction.atomic():
        lane = FeishuLane.objects.select_for_update(of=("self",)).get(pk=lane_id)
        row = Conversation.objects.filter(id=lane.conversation, deleted_at=None).first()
        if row is None or lane.claimed_by != me:
            return None
        active = None
        runs = Run.objects.filter(conversation=row, seq__gt=lane.run_seq).order_by("seq")
        for run in runs[:MOST]:
            _echo(lane, row, run.seq)
            _answer(lane, row, run)
            if run.status in ACTIVE_RUN:
                active = run
                break
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
    """The answers of a run: each response without calls is one, for messages may join a run that has answered before
    (rule R6). They go out while it is at work; how it ended, when it is over."""
    steps = list(
        Step.objects.filter(conversation=row, run=run.run, status__in=("finished", "stopped")).order_by("seq")
    )
    asked = _joined(lane, row, run, steps[-1].seq) if steps else []
    before, told = 0, False
    for step in steps:
        text = step.body["text"].strip()
        if step.status == "finished" and not step.body["calls"] and text:
            _echo(lane, row, step.seq)
            joined = next((id for seq, id in asked if before < seq < step.seq), "")
            target = joined if before else target_of(run.run)
            outbox.put(lane, text, "answer", run.run, step.step, reply_to=target, run=run.run)
            before, told = step.seq, step is steps[-1]
    if run.status in ACTIVE_RUN:
        return
    ended = replies.ending(run)
    if ended or not told:
        text = steps[-1].body["text"].strip() if steps and not told else ""
        whole = "\n\n".join(part for part in (text, f"*{ended}*" if ended else "") if part) or replies.EMPTY
        outbox.put(lane, whole, "answer", run.run, "end", reply_to=target_of(run.run), run=run.run)
    outbox.complete(run.run)


def _joined(lane: FeishuLane, row: Conversation, run: Run, seq: int) -> list[tuple[int, str]]:
    """Messages that were read by the run before `seq`, and have no answer yet: (seq, Feishu's id), in order. Those that
    came while it was at work are answered by it, too (rule R6), and marked with it."""
    open_rows = FeishuMessage.objects.filter(
        app_id=lane.app_id,
        chat_id=lane.chat_id,
        thread_id=lane.thread_id,
        state__in=("taken", "received"),  # it may be in the conversation and not be marked yet
        answered_at=None,
    )
    named = {message_of(one): one for one in open_rows.only("pk", "app_id", "message_id", "run")[:MOST]}
    if not named:
        return []
    read = Message.objects.filter(conversation=row, message__in=list(named), seq__lt=seq).order_by("seq")
    found = [(place, named[id]) for id, place in read.values_list("message", "seq")]
    theirs = Run.objects.filter(conversation=row, run__in=[one.run for _, one in found]).exclude(run=run.run)
    others = set(theirs.values_list("run", flat=True))  # messages that have runs of their own
    mine = [(place, one) for place, one in found if one.run not in others]
    FeishuMessage.objects.filter(pk__in=[one.pk for _, one in mine]).update(run=run.run)
    return [(place, one.message_id) for place, one in mine]
