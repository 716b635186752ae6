"""What SQL keeps of Feishu: the apps, who speaks there, what came in, where it goes, and what goes out.

    FeishuApp ─┬─ FeishuUser      somebody there, linked to a Django user where that is known
               ├─ FeishuMessage   what came in, once per (app, message id); received and answered are two facts
               └─ FeishuLane      a chat (or a topic in it) and its conversation; /new begins the next generation
                     ├─ FeishuTurn      one run as the chat sees it: its card
                     └─ FeishuDelivery  one message that has to go out, in order (the outbox)

Times are integers, milliseconds since the Unix epoch. A lane is worked on by one worker at a time: `claimed_by` until
`claimed_until`, taken and kept by conditional writes (chat/entrances/feishu/lanes.py).

The tables are named after the app `chat`, to which they belonged until 0010_entrances_are_apps.
"""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from chat.entrances.feishu.sealed import SealedField
from chat.support.fields import JsonText

FEISHU = "https://open.feishu.cn"
LARK = "https://open.larksuite.com"

POLICIES = (
    ("everyone", "everybody"),
    ("linked", "only people who are linked to a user here"),
    ("nobody", "nobody"),
)


def validate_base_url(value: str) -> None:
    """Refuse what is no https address; plain http only on this machine, for tests."""
    parts = urlsplit(value)
    local = parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.username:
        raise ValidationError(f"Write the whole address, like {FEISHU} or {LARK}.")
    if parts.scheme == "http" and not local:
        raise ValidationError("The address must begin with https://, because the app's secret is sent there.")


class FeishuApp(models.Model):
    """One app of the Feishu (or Lark) developer console. Its events come to /feishu/<slug>/events."""

    slug = models.SlugField(unique=True, help_text="In the address that the console sends events to.")
    name = models.CharField(max_length=100, help_text="How people know the bot.")
    app_id = models.CharField("App ID", max_length=100, help_text="From “Credentials & Basic Info”.")
    secret = SealedField("App Secret", help_text="From the same page. Stored encrypted, never shown again.")
    encrypt_key = SealedField(
        "Encrypt Key",
        blank=True,
        help_text="From “Events & Callbacks → Encryption Strategy”. With it events are signed and encrypted; use it.",
    )
    verification_token = SealedField("Verification Token", help_text="From the same page.")
    base_url = models.CharField(
        "address",
        max_length=200,
        default=FEISHU,
        validators=[validate_base_url],
        help_text=f"{FEISHU} for Feishu, {LARK} for Lark.",
    )
    agent = models.ForeignKey(
        "agents.Agent",
        models.PROTECT,
        null=True,
        blank=True,
        help_text="Who answers. Empty: the default agent.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        help_text="Owns the conversations of groups, and of people who are not linked. Make a user for it.",
    )
    private_policy = models.CharField(
        "private chats with", max_length=10, default="everyone", choices=POLICIES
    )
    group_policy = models.CharField("in groups", max_length=10, default="everyone", choices=POLICIES)
    mention_only = models.BooleanField(
        "only when mentioned",
        default=True,
        help_text="In groups: answer only messages that name the bot with @.",
    )
    enabled = models.BooleanField(default=True)
    #: The bot's own id, asked from Feishu when it is first needed.
    bot_open_id = models.CharField(max_length=100, blank=True, editable=False)

    class Meta:
        app_label = "feishu"
        db_table = "chat_feishuapp"
        verbose_name = "Feishu app"

    def __str__(self) -> str:
        return self.name or self.slug


class FeishuUser(models.Model):
    """Somebody who has written to an app. Open ids are per app."""

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="people")
    open_id = models.CharField(max_length=100)
    name = models.CharField(max_length=150, blank=True, help_text="How the agent and others see them.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Private chats of a linked person are theirs, and open in their web chat, too.",
    )

    class Meta:
        app_label = "feishu"
        db_table = "chat_feishuuser"
        verbose_name = "Feishu person"
        verbose_name_plural = "Feishu people"
        constraints = (models.UniqueConstraint(fields=["app", "open_id"], name="feishu_person"),)

    def __str__(self) -> str:
        return self.name or self.open_id


class FeishuMessage(models.Model):
    """One message or card action, stored before the webhook is answered. The unique key is the de-duplication."""

    STATES: ClassVar = (
        ("received", "received"),
        ("taken", "in the conversation"),
        ("done", "carried out"),
        ("ignored", "not for us"),
        ("refused", "refused"),
    )

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="messages")
    #: `message_id` of a message; `action:<event id>` of a button.
    message_id = models.CharField(max_length=120)
    chat_id = models.CharField(max_length=100)
    thread_id = models.CharField(max_length=100, blank=True)
    sender = models.CharField(max_length=100)
    #: The event as it came, decrypted.
    event = JsonText()
    sent_at = models.BigIntegerField()
    received_at = models.BigIntegerField()
    state = models.CharField(max_length=10, default="received", choices=STATES)
    #: Why it was refused or ignored, or what went wrong last.
    reason = models.CharField(max_length=300, blank=True)
    #: The run that answers it, once that is known, and when its answer had been sent.
    run = models.CharField(max_length=64, blank=True)
    answered_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        app_label = "feishu"
        db_table = "chat_feishumessage"
        verbose_name = "Feishu message"
        constraints = (models.UniqueConstraint(fields=["app", "message_id"], name="feishu_message"),)
        indexes = (
            models.Index(
                fields=["app", "chat_id", "thread_id", "sent_at"],
                name="feishu_waiting",
                condition=models.Q(state="received"),
            ),
            models.Index(fields=["run"], name="feishu_run", condition=models.Q(answered_at__isnull=True)),
        )

    def __str__(self) -> str:
        return self.message_id


class FeishuLane(models.Model):
    """A chat, or a topic in it, and the conversation that it is. The newest generation takes what comes in; older
    ones still deliver what they have begun. Generation 0 only delivers (chat/entrances/feishu/destination.py)."""

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="lanes")
    chat_id = models.CharField(max_length=100)
    thread_id = models.CharField(max_length=100, blank=True)
    generation = models.IntegerField(default=1)
    #: The conversation's id; it is made with the first message.
    conversation = models.UUIDField(unique=True)
    #: Whose it is, fixed when it is made.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    #: A message in it to reply to: the only way into a topic.
    anchor = models.CharField(max_length=100, blank=True)
    #: How far the conversation has been delivered: its head, its newest run that is over, its newest message.
    head_seq = models.BigIntegerField(default=0)
    run_seq = models.BigIntegerField(default=0)
    said_seq = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, blank=True)
    claimed_until = models.BigIntegerField(default=0)

    class Meta:
        app_label = "feishu"
        db_table = "chat_feishulane"
        verbose_name = "Feishu chat"
        constraints = (
            models.UniqueConstraint(fields=["app", "chat_id", "thread_id", "generation"], name="feishu_lane"),
        )

    def __str__(self) -> str:
        return f"{self.chat_id}{' ' + self.thread_id if self.thread_id else ''} #{self.generation}"


class FeishuTurn(models.Model):
    """One run as its chat sees it: the card that shows its state. A long run has several cards, one after the other."""

    lane = models.ForeignKey(FeishuLane, models.CASCADE, related_name="turns")
    run = models.CharField(max_length=64)
    #: The card of now: its number in this run, Feishu's ids, and when its streaming mode was opened.
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
    ended = models.BooleanField(default=False)

    class Meta:
        app_label = "feishu"
        db_table = "chat_feishuturn"
        verbose_name = "Feishu turn"
        constraints = (models.UniqueConstraint(fields=["lane", "run"], name="feishu_turn"),)

    def __str__(self) -> str:
        return self.run


class FeishuDelivery(models.Model):
    """One message that is to be sent. Those of a lane go out in order of their ids; `uuid` keeps Feishu from
    showing one twice (it remembers for an hour)."""

    STATES: ClassVar = (("pending", "to be sent"), ("sent", "sent"), ("dead", "given up"))

    lane = models.ForeignKey(FeishuLane, models.CASCADE, related_name="deliveries")
    uuid = models.CharField(max_length=50, unique=True)
    run = models.CharField(max_length=64, blank=True)
    #: Whether the answer of `run` is complete with this one.
    last = models.BooleanField(default=False)
    reply_to = models.CharField(max_length=100, blank=True)
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
        app_label = "feishu"
        db_table = "chat_feishudelivery"
        verbose_name = "Feishu delivery"
        verbose_name_plural = "Feishu deliveries"
        indexes = (
            models.Index(fields=["lane", "id"], name="feishu_outbox", condition=models.Q(state="pending")),
            models.Index(fields=["id"], name="feishu_dead", condition=models.Q(state="dead")),
        )

    def __str__(self) -> str:
        return self.uuid


def newest_lane(app_id: Any, chat_id: str, thread_id: str) -> FeishuLane | None:
    """The lane that takes what comes in to this chat now."""
    lanes = FeishuLane.objects.filter(app_id=app_id, chat_id=chat_id, thread_id=thread_id, generation__gte=1)
    return lanes.order_by("-generation").first()
