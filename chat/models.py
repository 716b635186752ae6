"""What SQL remembers of conversations: the journal, and the projections that are written with it.

`Event` is the journal; the other rows, but for a conversation's owner, fence and deletion, could be made
again from it. Only `chat/journal/journal.py` writes them. All times are integers, milliseconds since the Unix epoch,
as in the events themselves; `seq` places an item in its conversation. A foreign key has no index of its own where a
unique key begins with it.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _

from agents.events import ACTIVE_RUN
from chat.replay.models import RawResponse, Replay
from chat.support.fields import JsonText

__all__ = [
    "Attachment",
    "Call",
    "Command",
    "Conversation",
    "Event",
    "Fault",
    "Installation",
    "Message",
    "QueueFailure",
    "RawResponse",
    "Replay",
    "RequestSettings",
    "Run",
    "Step",
    "Used",
    "in_lists",
    "listed",
]


class Used(models.Model):
    """What the models' responses took, as they counted it; `cached_tokens` are a share of the input, `cost` is in
    billionths of a US dollar and null where no price was known."""

    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


class Conversation(Used):
    """One chat. (`head_seq`, `head_tag`) is the end of its journal, moved only by compare-and-set."""

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    agent = models.CharField(max_length=100, help_text=_("The agent's slug."))
    title = models.CharField(max_length=200, blank=True)
    entrance = models.CharField(max_length=20, default="web")
    head_seq = models.BigIntegerField(default=0)
    head_tag = models.CharField(max_length=16, default="", blank=True)
    #: Grows with each owner of a run; the copy in Redis follows this one (rule R2).
    fence = models.BigIntegerField(default=0)
    #: The session's fields as of `head_seq`: `info`, `run`, and which items (by seq) its window shows. With
    #: the item rows named there a session is rebuilt by a bounded read, however long its history.
    info = JsonText(default=None)
    run = JsonText(default=None)
    window = JsonText(default=list)
    run_status = models.CharField(max_length=12, default="", blank=True)
    #: The session's fields `branches` and `seen`; null: it has no branches (agents/branches.py).
    branches = JsonText(null=True, default=None, db_default=None)
    seen = JsonText(null=True, default=None, db_default=None)
    #: Place of the newest summary that stands for older items; 0: there is none. An agent's history begins with it.
    compacted_seq = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()
    deleted_at = models.BigIntegerField(null=True, blank=True)
    #: Marks of its owner's list, which no event tells of: kept at its top, or put away.
    pinned_at = models.BigIntegerField(null=True, blank=True)
    archived_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        permissions: ClassVar[Any] = (("import_conversation", "Can import conversations"),)
        indexes = (
            models.Index(
                fields=["owner", "-pinned_at"],
                name="conversation_pinned",
                condition=models.Q(deleted_at__isnull=True, pinned_at__isnull=False),
            ),
            models.Index(
                fields=["owner", "-updated_at"],
                name="conversation_list",
                condition=models.Q(deleted_at__isnull=True),
            ),
            # What was written to lately: looks of messengers and triggers, and the admin's list.
            models.Index(fields=["-updated_at", "id"], name="conversation_recent"),
            # What its owner has deleted, until it is deleted for good.
            models.Index(
                fields=["deleted_at"],
                name="conversation_deleted",
                condition=models.Q(deleted_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.title or str(self.id)


class Event(models.Model):
    """One event of the journal: `text` is the stored JSON that `tag` was hashed over."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    #: In which version of its type it is told (rule J3). The database fills it in for a release that does not know it.
    version = models.SmallIntegerField(db_default=1)
    at = models.BigIntegerField()
    text = models.TextField()
    tag = models.CharField(max_length=16)
    #: The command that asked for this event, on the first event of its append.
    command = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (models.UniqueConstraint(fields=["conversation", "seq"], name="event_seq"),)
        # The admin's list by type: a rare one would be looked for in everybody's events otherwise.
        indexes = (models.Index(fields=["type", "id"], name="event_type"),)

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class Command(models.Model):
    """A command that has its result, so that the same id gets the same result for ever (rule W5)."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="commands", db_index=False)
    command = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    result = models.TextField()
    #: The last event of its append; 0: it changed nothing.
    seq = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("command")
        verbose_name_plural = _("commands")
        constraints = (models.UniqueConstraint(fields=["conversation", "command"], name="command_id"),)

    def __str__(self) -> str:
        return self.command


class Message(models.Model):
    """A transcript item that is not a step: what a person said, a note, or a notice. `body` is the item."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages", db_index=False)
    seq = models.BigIntegerField()
    message = models.CharField(max_length=64)
    kind = models.CharField(max_length=10)
    #: The branch that it belongs to; empty: the one that every conversation begins with.
    branch = models.CharField(max_length=36, default="", db_default="", blank=True)
    at = models.BigIntegerField()
    body = JsonText()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = (models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq"),)
        indexes = (models.Index(fields=["conversation", "message"], name="message_id"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.message}"


class Run(Used):
    """One stretch of agent work. `seq` is its run.queued event."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="runs", db_index=False)
    run = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    #: The branch that it belongs to; empty: the one that every conversation begins with.
    branch = models.CharField(max_length=36, default="", db_default="", blank=True)
    cause = models.CharField(max_length=64)
    #: For whom it is and where they asked for it, by which it counts among the day's (chat/limits/spending.py). Empty:
    #: a release that did not say so has queued it.
    person = models.CharField(max_length=60, default="", db_default="", blank=True)
    entrance = models.CharField(max_length=20, default="", db_default="", blank=True)
    status = models.CharField(max_length=12)
    attempt = models.IntegerField(default=0)
    worker = models.CharField(max_length=100, default="", blank=True)
    fence = models.BigIntegerField(default=0)
    stopping = models.BooleanField(default=False)
    reason = models.CharField(max_length=20, default="", blank=True)
    code = models.CharField(max_length=30, default="", blank=True)
    detail = models.TextField(default="", blank=True)
    queued_at = models.BigIntegerField()
    started_at = models.BigIntegerField(null=True, blank=True)
    ended_at = models.BigIntegerField(null=True, blank=True)
    retry_at = models.BigIntegerField(null=True, blank=True)
    #: When its last event was decided; with the lease in Redis, how the sweeper knows what nobody works on.
    updated_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = (models.UniqueConstraint(fields=["conversation", "run"], name="run_id"),)
        indexes = (
            models.Index(
                fields=["status", "queued_at"],
                name="run_active",
                condition=models.Q(status__in=sorted(ACTIVE_RUN)),
            ),
            models.Index(fields=["person", "entrance", "queued_at"], name="run_of_day"),
        )

    def __str__(self) -> str:
        return f"{self.run} {self.status}"


class Step(Used):
    """One model response. `body` is the transcript item; an `open` one stays in the window however old."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="steps", db_index=False)
    seq = models.BigIntegerField()
    step = models.CharField(max_length=80)
    #: The branch that it belongs to; empty: the one that every conversation begins with.
    branch = models.CharField(max_length=36, default="", db_default="", blank=True)
    run = models.CharField(max_length=64)
    status = models.CharField(max_length=12)
    open = models.BooleanField(default=True)
    attempt = models.IntegerField(default=1)
    model = models.CharField(max_length=100, default="", blank=True)
    started_at = models.BigIntegerField()
    ended_at = models.BigIntegerField(null=True, blank=True)
    body = JsonText()

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        constraints = (
            models.UniqueConstraint(fields=["conversation", "step"], name="step_id"),
            models.UniqueConstraint(fields=["conversation", "seq"], name="step_seq"),
        )

    def __str__(self) -> str:
        return f"{self.step} {self.status}"


class Call(models.Model):
    """One tool call, whole: `result` is what the model reads, `preview` what the transcript item shows."""

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="calls", db_index=False)
    call = models.CharField(max_length=64)
    step = models.CharField(max_length=80)
    ordinal = models.IntegerField()
    name = models.CharField(max_length=200)
    arguments = models.TextField()
    provider_id = models.CharField(max_length=200, default="", blank=True)
    effect = models.CharField(max_length=12)
    status = models.CharField(max_length=20)
    attempt = models.IntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=100, default="", blank=True)
    result = models.TextField(default="", blank=True)
    preview = models.TextField(default="", blank=True)
    size = models.BigIntegerField(default=0)
    code = models.CharField(max_length=30, default="", blank=True)
    by = models.CharField(max_length=150, default="", blank=True)
    started_at = models.BigIntegerField(null=True, blank=True)
    ended_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = (models.UniqueConstraint(fields=["conversation", "call"], name="call_id"),)
        indexes = (
            models.Index(fields=["conversation", "step", "ordinal"], name="call_order"),
            # An id out of an error text, in the admin's search: ours, or the provider's.
            models.Index(fields=["call"], name="call_found"),
            models.Index(fields=["provider_id"], name="call_found_by_provider"),
            models.Index(
                fields=["status"],
                name="call_in_doubt",
                condition=models.Q(status="in_doubt"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.call} {self.status}"


class RequestSettings(models.Model):
    """One version of what requests say beside the history: model, prompt, tools and profile, as JSON, by the digest
    that `step.started` tells (`agents/recording.py`). Many steps of many conversations share one."""

    digest = models.CharField(max_length=32, primary_key=True)
    text = models.TextField()
    created_at = models.BigIntegerField()

    def __str__(self) -> str:
        return self.digest


class Fault(models.Model):
    """A request that was refused: by our own gate (kind V…: it was not sent) or by the provider (E…, what it refuses,
    its 5xx, or `other` for words that are not on the list). `request` is the body as sent, without any key (rule T5).
    No projection: it is written beside the journal, and may be deleted."""

    OUTCOMES: ClassVar = (
        ("", "not known (the run ended, or its worker died)"),
        ("text_ok", "asked again in another form: answered"),
        ("text_refused", "asked again in another form: refused as well"),
        ("failed", "asked again in another form: failed for another reason"),
        ("again_ok", "asked again as it was: answered"),
        ("not_asked", "not asked again"),
    )

    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="faults", db_index=False)
    run = models.CharField(max_length=64)
    step = models.CharField(max_length=80)
    kind = models.CharField(max_length=10)
    #: HTTP status; 0: it was not sent, or refused inside a stream.
    status = models.IntegerField(default=0)
    text = models.TextField()
    model = models.CharField(max_length=200)
    profile = models.CharField(max_length=40)
    address = models.CharField(max_length=300)
    text_only = models.BooleanField(default=False)
    #: Of address and body; a body whose digest is here is not sent again in this conversation. One that may be sent
    #: again (a 5xx) has `~` before it.
    digest = models.CharField(max_length=64)
    request = models.TextField()
    outcome = models.CharField(max_length=12, default="", blank=True, choices=OUTCOMES)
    created_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("refused request")
        verbose_name_plural = _("refused requests")
        constraints = (models.UniqueConstraint(fields=["conversation", "digest"], name="fault_digest"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"


def _attachment_path(row: "Attachment", name: str) -> str:
    """Where a file lies: by its id alone, spread over folders."""
    return f"attachments/{str(row.id)[-2:]}/{row.id}"


class Attachment(models.Model):
    """A file that a person uploaded. Without a conversation it has not been sent yet, or its conversation was deleted
    (`created_at` is LET_GO then); `chat/files/attachments.py` sees to both. Rows of copied conversations name the same
    file (`chat/files/sharing.py`): the last of them takes it along."""

    LET_GO: ClassVar = 0
    #: Told to whoever removes rows: other rows may name the same file.
    SHARES_FILES: ClassVar = True

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="attachments")
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, null=True, blank=True, related_name="attachments"
    )
    name = models.CharField(max_length=200)
    #: What a look at the bytes has found, never what the client said.
    media_type = models.CharField(max_length=40)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to=_attachment_path, max_length=200)
    created_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        indexes = (
            models.Index(
                fields=["owner", "created_at"],
                name="attachment_unsent",
                condition=models.Q(conversation__isnull=True),
            ),
            # Who else names a file, before it is removed.
            models.Index(fields=["file"], name="attachment_file"),
        )

    def __str__(self) -> str:
        return self.name


@receiver(models.signals.post_delete, sender=Attachment)
def _remove_file(instance: Attachment, using: str, **kwargs: Any) -> None:
    """A row takes its file along, also when its owner is deleted, but only once that is certain, and not while another
    row names it."""
    name = str(instance.file.name)

    def remove() -> None:
        if not Attachment.objects.using(using).filter(file=name).exists():
            instance.file.storage.delete(name)

    transaction.on_commit(remove, using=using)


class QueueFailure(models.Model):
    """A row of a queue that raised what nobody foresaw: how often in a row, and, when that was too often, that it was
    set aside (`chat/set_aside.py`). It is named by its queue and a key of that queue's."""

    queue = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    tries = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    aside = models.BooleanField(default=False)
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()

    class Meta:
        verbose_name = _("row that raised")
        verbose_name_plural = _("rows that raised")
        constraints = (models.UniqueConstraint(fields=["queue", "key"], name="queue_failure"),)

    def __str__(self) -> str:
        return f"{self.queue} {self.key}"


class Installation(models.Model):
    """The one row that tells this installation from others (`chat/installation.py`). Its first migration made it."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    identity = models.UUIDField(default=uuid.uuid4)
    #: When readiness last wrote here (`chat/readiness.py`), in milliseconds; it means nothing else.
    probed_at = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(number=1), name="one_installation"),)

    def __str__(self) -> str:
        return str(self.identity)


def in_lists() -> "models.QuerySet[Conversation]":
    """All conversations that people have in their lists: those that have begun and are not deleted."""
    return Conversation.objects.filter(deleted_at__isnull=True, head_seq__gt=0)


def listed(owner_id: Any) -> "models.QuerySet[Conversation]":
    """A user's conversations, newest first."""
    return in_lists().filter(owner_id=owner_id).order_by("-updated_at")


# These tables are this app's; they have files of their own.
from chat.search.models import SearchProgress as SearchProgress  # noqa: E402
from chat.search.models import SearchText as SearchText  # noqa: E402
from chat.titles.models import TitleWork as TitleWork  # noqa: E402
