"""The tables of a messenger, as abstract bases: its own models add `app` (and `lane`), names and indexes.

    app ─┬─ InboundMessage   what came in, once per (app, message id); received and answered are two facts
         └─ Lane             a chat (or a topic in it) and its conversation; /new begins the next generation
               ├─ Turn       one run as the chat sees it: its card
               └─ Delivery   one message that has to go out, in order (the outbox)

Times are integers, milliseconds since the Unix epoch. A lane is worked on by one worker at a time: `claimed_by` until
`claimed_until`, taken and kept by conditional writes (lanes.py). `app` is an `App` (adapter.py).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.support.fields import JsonText

#: Whom an app answers: the values of `App.private_policy` and `group_policy`, with their names for people.
POLICIES = (
    ("everyone", _("everybody")),
    ("linked", _("only people who are linked to a user here")),
    ("nobody", _("nobody")),
)
#: The id of a pressed button begins so; all others are messages.
PRESS = "action:"
#: How the reason of a row begins that was tried in vain too often, and of one that is tried again.
SET_ASIDE, TRIED = "set aside: ", "tried "


class InboundMessage(models.Model):
    """One message or pressed button, stored before the messenger is told that we have it. (app, message_id) must be
    unique in the concrete table: that is the de-duplication."""

    STATES: ClassVar = (
        ("received", _("received")),
        ("taken", _("in the conversation")),
        ("done", _("carried out")),
        ("ignored", _("not for us")),
        ("refused", _("refused")),
    )

    if TYPE_CHECKING:
        app: Any
        app_id: int
    #: The messenger's id of a message; `action:<event id>` of a button.
    message_id = models.CharField(max_length=120)
    chat_id = models.CharField(max_length=100)
    thread_id = models.CharField(max_length=100, blank=True)
    sender = models.CharField(max_length=100)
    #: The event as it came, decrypted.
    event = JsonText()
    sent_at = models.BigIntegerField()
    received_at = models.BigIntegerField()
    state = models.CharField(max_length=10, default="received", choices=STATES)
    #: Why it was refused or ignored; "tried 2: …" while it raises, "set aside: …" once it has too often (intake.py).
    reason = models.CharField(max_length=300, blank=True)
    #: The run that answers it, once that is known, and when its answer had been sent.
    run = models.CharField(max_length=64, blank=True)
    answered_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.message_id

    @property
    def is_press(self) -> bool:
        """Whether it is a pressed button."""
        return self.message_id.startswith(PRESS)


class Lane(models.Model):
    """A chat, or a topic in it, and the conversation that it is. The newest generation takes what comes in; older
    ones still deliver what they have begun. Generation 0 only delivers (results from elsewhere)."""

    if TYPE_CHECKING:
        app: Any
        app_id: int
        owner_id: int
    chat_id = models.CharField(max_length=100)
    thread_id = models.CharField(max_length=100, blank=True)
    generation = models.IntegerField(default=1)
    #: The conversation's id; it is made with the first message.
    conversation = models.UUIDField(unique=True)
    #: Whose it is, fixed when it is made.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: A message in it to reply to: the only way into a topic.
    anchor = models.CharField(max_length=100, blank=True)
    #: How far the chat is told of its conversation, as told.py says: the one mark.
    head_seq = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, blank=True)
    claimed_until = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.chat_id}{' ' + self.thread_id if self.thread_id else ''} #{self.generation}"


class Turn(models.Model):
    """One run as its chat sees it: the card that shows its state. A long run has several cards, one after the other.
    (lane, run) must be unique in the concrete table."""

    if TYPE_CHECKING:
        lane: Any
        lane_id: int
    run = models.CharField(max_length=64)
    #: The card of now: its number in this run, the messenger's ids, and when its streaming was opened.
    rotation = models.IntegerField(default=0)
    card_id = models.CharField(max_length=100, blank=True)
    message_id = models.CharField(max_length=100, blank=True)
    opened_at = models.BigIntegerField(default=0)
    #: Of the last change to the card; the next one must be larger.
    sequence = models.BigIntegerField(default=0)
    #: The calls for which a card with choices was shown while the run waits: another wait, another card.
    asked = models.CharField(max_length=40, blank=True)
    #: That card, until it has its answer, and when it was opened.
    asked_card = models.CharField(max_length=100, blank=True)
    asked_at = models.BigIntegerField(default=0)
    #: The run is over and its card says so, or it was given up.
    ended = models.BooleanField(default=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.run


class Delivery(models.Model):
    """One message that is to be sent. Those of a lane go out in order of their ids; `uuid` keeps the messenger from
    showing one twice, as long as it remembers it."""

    STATES: ClassVar = (("pending", _("to be sent")), ("sent", _("sent")), ("dead", _("given up")))

    if TYPE_CHECKING:
        lane: Any
        lane_id: int
    uuid = models.CharField(max_length=50, unique=True)
    run = models.CharField(max_length=64, blank=True)
    #: Whether the answer of `run` is complete with this one.
    last = models.BooleanField(default=False)
    reply_to = models.CharField(max_length=100, blank=True)
    #: What the messenger calls content of this kind.
    kind = models.CharField(max_length=20, default="interactive")
    content = models.TextField()
    state = models.CharField(max_length=10, default="pending", choices=STATES)
    message_id = models.CharField(max_length=100, blank=True)
    attempts = models.IntegerField(default=0)
    first_at = models.BigIntegerField(null=True, blank=True)
    next_at = models.BigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.BigIntegerField()
    sent_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.uuid


@dataclass(frozen=True)
class Tables:
    """The concrete models of one messenger."""

    app: type[models.Model]
    message: type[InboundMessage]
    lane: type[Lane]
    turn: type[Turn]
    delivery: type[Delivery]

    @property
    def apps(self) -> "models.QuerySet[Any]":
        return self.app._default_manager.all()

    @property
    def messages(self) -> "models.QuerySet[Any]":
        return self.message._default_manager.all()

    @property
    def lanes(self) -> "models.QuerySet[Any]":
        return self.lane._default_manager.all()

    @property
    def turns(self) -> "models.QuerySet[Any]":
        return self.turn._default_manager.all()

    @property
    def deliveries(self) -> "models.QuerySet[Any]":
        return self.delivery._default_manager.all()

    def newest_lane(self, app_id: int, chat_id: str, thread_id: str) -> Lane | None:
        """The lane that takes what comes in to this chat now."""
        lanes = self.lanes.filter(app_id=app_id, chat_id=chat_id, thread_id=thread_id, generation__gte=1)
        found: Lane | None = lanes.order_by("-generation").first()
        return found
