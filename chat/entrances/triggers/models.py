"""What SQL keeps of triggers.

    Trigger ─── TriggerFiring    what was seen, once per (trigger, key), and what became of it
    TriggerScan                  how far a conversation's journal was read for events that triggers wait for

Times are integers, milliseconds since the Unix epoch. A firing's key is made from the identity of its event, never from
what the event says: `delivery:<id>`, `look:<number>`, `message:<conversation>:<seq>`, `run:<conversation>:<run>`.

The tables are named after the app `chat`, to which they belonged until 0010_entrances_are_apps.
"""

from functools import reduce
from operator import or_
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.dispatch import receiver
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chat.authorization import logged_in
from chat.entrances.triggers import bodies, decide, hooks, senders
from chat.support.encryption import SealedField
from chat.support.fields import JsonText

KINDS = (
    ("webhook", _("a webhook comes in")),
    ("poll", _("what an address says changes or matches")),
    ("message", _("somebody says something that matches")),
    ("run", _("a run has ended")),
)
MATCHES = (
    ("any", _("everything")),
    ("contains", _("what contains this")),
    ("equals", _("what is this")),
    ("regex", _("what a pattern finds")),
)
SPEAKERS = (("person", _("a person")), ("agent", _("an agent")), ("anyone", _("either")))
OUTCOMES = (("finished", _("finished")), ("failed", _("failed")), ("stopped", _("stopped")))
#: Kinds whose events are found in the journal.
WATCHING = ("message", "run")


def new_id() -> UUID:
    return uuid4()


class Trigger(models.Model):
    """Something that is waited for, and what an agent is told when it happens. Checked by
    `chat/entrances/triggers/validation.py`, whoever makes it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=100, help_text=_("Shown as who speaks in the conversation."))
    kind = models.CharField(_("fires when"), max_length=10, choices=KINDS)
    prompt = models.TextField(
        help_text=_(
            "What the agent is told. {{ payload.some.field }} (webhook), {{ value }} and {{ before }} (address), "
            "{{ text }}, {{ who }}, {{ title }} (message), {{ status }}, {{ answer }}, {{ detail }} (run) are filled "
            "in. Without any such field, what was seen is put below."
        ),
    )
    agent = models.CharField(
        max_length=100,
        blank=True,
        help_text=_("Slug of the agent of a new conversation. Empty: the default one."),
    )
    conversation = models.UUIDField(
        null=True,
        blank=True,
        help_text=_("Id of the conversation to speak in. Empty: a new one for each firing."),
    )
    paused = models.BooleanField(default=False)
    cooldown_s = models.PositiveIntegerField(
        _("cooldown"), default=0, help_text=_("Seconds after a firing in which nothing fires.")
    )
    per_hour = models.PositiveIntegerField(_("fires per hour"), default=30, help_text=_("At most."))
    max_fires = models.PositiveIntegerField(
        _("fires in all"), null=True, blank=True, help_text=_("At most. Empty: no limit.")
    )
    expires_at = models.BigIntegerField(null=True, blank=True)

    # What is looked for (webhook: in its payload; address: in what it says; message: in its text).
    path = models.CharField(
        _("JSON path"),
        max_length=300,
        blank=True,
        help_text=_("Where in the JSON to look (RFC 9535), like $.build.status. Empty: the whole."),
    )
    match = models.CharField(_("fires on"), max_length=10, default="any", choices=MATCHES)
    pattern = models.CharField(
        _("what to look for"),
        max_length=300,
        blank=True,
        help_text=_("Case does not matter, but in a pattern (RE2)."),
    )

    # webhook
    salt = models.CharField(max_length=32, default=hooks.new_salt, editable=False)
    sender = models.CharField(
        max_length=20,
        blank=True,
        default="hmac",
        db_default="hmac",
        choices=tuple((one.name, one.label) for one in senders.SENDERS.values()),
        help_text=_("Who sends, and so how it signs and where it names events and deliveries."),
    )
    secret = SealedField(
        _("signing secret"),
        blank=True,
        default="",
        help_text=_(
            "With it every delivery must be signed as the sender does it; for a name and a password: name:password. "
            "Stored encrypted, never shown again."
        ),
    )
    #: Whether deliveries must be signed: also when the secret cannot be opened any more (another SECRET_KEY).
    signed = models.BooleanField(default=False, editable=False)
    signature_header = models.CharField(
        max_length=60,
        blank=True,
        default=hooks.SIGNATURE_HEADER,
        help_text=_("Where the signature or the token is, if the sender has no header of its own."),
    )
    delivery_header = models.CharField(
        max_length=60,
        blank=True,
        help_text=format_lazy(
            _(
                "Where the sender names a delivery: a header, or a place in the payload like $.event.id. Empty: where "
                "this sender does, or {headers}."
            ),
            headers=", ".join(hooks.DELIVERY_HEADERS),
        ),
    )

    # poll
    url = models.CharField(_("address to look at"), max_length=2_000, blank=True)
    interval_s = models.PositiveIntegerField(
        _("every"), default=300, help_text=_("Seconds between two looks.")
    )

    # message, run
    watched = JsonText(default=list, blank=True)
    speaker = models.CharField(_("who speaks"), max_length=10, default="person", choices=SPEAKERS)
    outcomes = JsonText(default=list, blank=True)
    after_agent = models.CharField(
        max_length=100, blank=True, help_text=_("Only runs of the agent with this slug.")
    )
    after_trigger = models.UUIDField(null=True, blank=True, help_text=_("Only runs that this trigger began."))
    after_schedule = models.UUIDField(
        null=True, blank=True, help_text=_("Only runs that this schedule began.")
    )

    # How it stands
    fires = models.PositiveIntegerField(default=0, editable=False)
    fired_at = models.BigIntegerField(null=True, blank=True, editable=False)
    #: Of a polled address: how many observations there were, the newest, and what the server said of its version.
    observation = models.BigIntegerField(default=0, editable=False)
    seen_digest = models.CharField(max_length=64, blank=True, editable=False)
    seen_text = models.TextField(blank=True, editable=False)
    etag = models.CharField(max_length=300, blank=True, editable=False)
    modified = models.CharField(max_length=100, blank=True, editable=False)
    checked_at = models.BigIntegerField(null=True, blank=True, editable=False)
    next_at = models.BigIntegerField(default=0, editable=False)
    errors = models.PositiveIntegerField(default=0, editable=False)
    error = models.CharField(max_length=300, blank=True, editable=False)
    #: Of one that watches: conversations that were not read to their ends when it began, and where their ends were.
    floors = JsonText(default=dict, editable=False)

    # Who made it: an agent (slug) in a conversation, by the call with this key; or a person.
    made_by = models.CharField(max_length=100, blank=True, editable=False)
    made_in = models.UUIDField(null=True, blank=True, editable=False)
    made_key = models.CharField(max_length=100, null=True, blank=True, editable=False)
    created_at = models.BigIntegerField(editable=False)
    updated_at = models.BigIntegerField(editable=False)

    class Meta:
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        app_label = "triggers"
        db_table = "chat_trigger"
        constraints = (models.UniqueConstraint(fields=["owner", "made_key"], name="trigger_made_once"),)
        indexes = (
            models.Index(fields=["owner", "kind"], name="trigger_owner"),
            models.Index(
                fields=["next_at"], name="trigger_due", condition=models.Q(kind="poll", paused=False)
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """For forms: what is wrong, by field. Imported late, because the check asks for other models."""
        from chat.entrances.triggers.validation import problems

        found = problems(self)
        if found:
            raise ValidationError(found)

    def standing(self, now: int) -> decide.Standing:
        """How it stands. Inside the transaction that decides, with its row locked."""
        hour = TriggerFiring.objects.filter(
            trigger=self,
            state__in=("pending", "fired", "failed"),
            test=False,
            created_at__gt=now - decide.HOUR_MS,
        )
        return decide.Standing(
            trigger=str(self.id),
            disabled=not self._acts(),
            paused=self.paused,
            expires_at=self.expires_at,
            fires=self.fires,
            max_fires=self.max_fires,
            cooldown_ms=self.cooldown_s * 1000,
            fired_at=self.fired_at,
            per_hour=self.per_hour,
            last_hour=hour.count(),
        )

    def _acts(self) -> bool:
        """Whether it may say anything for its owner."""
        owner: Any = self.owner
        return bool(logged_in(owner.pk, owner.pk, active=owner.is_active, attended=False).may("write"))

    def state(self, now: int) -> str:
        """`active`, `paused`, `expired` or `limit`, for people."""
        standing = decide.Standing(
            trigger="",
            paused=self.paused,
            expires_at=self.expires_at,
            fires=self.fires,
            max_fires=self.max_fires,
        )
        return decide.why_not(standing, now) or "active"

    @property
    def hook(self) -> str:
        """The secret path of a webhook; empty for the other kinds."""
        if self.kind != "webhook":
            return ""
        return f"{settings.HOLDFAST_PATH}{hooks.path_of(self.id, self.salt)}"


#: What keeps something of what was seen: the columns that retention empties, by what they are then (retention.py).
#: `seen` is JSON as text: what is nothing is written `null`.
EMPTY_COLUMNS = {"prompt": "", "body": "", "title": "", "error": "", "seen": "null"}
FULL = reduce(or_, (~models.Q((name, models.Value(empty))) for name, empty in EMPTY_COLUMNS.items()))


class TriggerFiring(models.Model):
    """Something that a trigger has seen. The row is there before anything follows from it; what must become a message
    is `pending` until the conversation's journal has it."""

    STATES: ClassVar = (
        ("pending", _("to be carried out")),
        ("fired", _("fired")),
        ("skipped", _("not fired")),
        ("failed", _("could not be carried out")),
    )

    trigger = models.ForeignKey(Trigger, models.CASCADE, related_name="firings", db_index=False)
    key = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=STATES)
    reason = models.CharField(max_length=20, blank=True, choices=tuple(decide.REASONS.items()))
    #: Fired by hand, whatever the limits say.
    test = models.BooleanField(default=False)
    seen = JsonText(default=None)
    prompt = models.TextField(blank=True)
    #: Of a delivery: its bytes, and the name of its body in the storage if it was too large for `seen` (bodies.py).
    size = models.BigIntegerField(default=0, db_default=0)
    body = models.CharField(max_length=200, blank=True, default="", db_default="")
    #: Where it goes, by which message; known before it is sent. A new conversation has the agent and title of then.
    conversation = models.UUIDField(null=True, blank=True)
    message = models.CharField(max_length=64, blank=True)
    fresh = models.BooleanField(default=False)
    agent = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=200, blank=True)
    run = models.CharField(max_length=64, blank=True)
    #: The triggers that led here, this one the last; see the loop guard in decide.py.
    chain = JsonText(default=list)
    created_at = models.BigIntegerField()
    fired_at = models.BigIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.BigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("trigger firing")
        verbose_name_plural = _("trigger firings")
        app_label = "triggers"
        db_table = "chat_triggerfiring"
        constraints = (models.UniqueConstraint(fields=["trigger", "key"], name="trigger_event"),)
        indexes = (
            models.Index(fields=["next_at"], name="trigger_pending", condition=models.Q(state="pending")),
            models.Index(
                fields=["next_at"], name="trigger_unread", condition=models.Q(state="fired", run="")
            ),
            models.Index(fields=["trigger", "created_at"], name="trigger_history"),
            # What retention has not emptied (retention.py): the others stay for a year.
            models.Index(fields=["created_at"], name="trigger_full", condition=FULL),
            models.Index(fields=["conversation", "message"], name="trigger_message"),
        )

    def __str__(self) -> str:
        return f"{self.key} {self.state}"


@receiver(models.signals.post_delete, sender=TriggerFiring)
def _remove_body(instance: TriggerFiring, using: str, **kwargs: Any) -> None:
    """A row takes its body along, also when its trigger is deleted, but only once that is certain."""
    if instance.body:
        transaction.on_commit(lambda: bodies.remove(instance.body), using=using)


class TriggerScan(models.Model):
    """How far the journal of a conversation was read. Moved by compare-and-set, together with what was found."""

    conversation = models.OneToOneField(
        "chat.Conversation", models.CASCADE, primary_key=True, related_name="+"
    )
    seq = models.BigIntegerField(default=0)

    class Meta:
        app_label = "triggers"
        db_table = "chat_triggerscan"

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.seq}"


def owned(owner_id: Any) -> "models.QuerySet[Trigger]":
    """A user's triggers, newest first."""
    return Trigger.objects.filter(owner_id=owner_id).order_by("-created_at", "id")
