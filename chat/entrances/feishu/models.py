"""What SQL keeps of Feishu: the apps, who speaks there, what came in, where it goes, and what goes out.

    FeishuApp ─┬─ FeishuUser      somebody there, linked to a Django user where that is known
               ├─ FeishuMessage   what came in, once per (app, message id); received and answered are two facts
               └─ FeishuLane      a chat (or a topic in it) and its conversation; /new begins the next generation
                     ├─ FeishuTurn      one run as the chat sees it: its card
                     └─ FeishuDelivery  one message that has to go out, in order (the outbox)

The columns of the last four are those of any messenger (chat/messenger/models.py). Times are integers, milliseconds
since the Unix epoch.

The tables are named after the app `chat`, to which they belonged until 0010_entrances_are_apps.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from chat.entrances.feishu.sealed import SealedField
from chat.messenger.models import POLICIES, Delivery, InboundMessage, Lane, Tables, Turn

FEISHU = "https://open.feishu.cn"
LARK = "https://open.larksuite.com"


def validate_base_url(value: str) -> None:
    """Refuse what is no https address; plain http only on this machine, for tests."""
    parts = urlsplit(value)
    local = parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.username:
        raise ValidationError(
            _("Write the whole address, like {feishu} or {lark}.").format(feishu=FEISHU, lark=LARK)
        )
    if parts.scheme == "http" and not local:
        raise ValidationError(
            _("The address must begin with https://, because the app's secret is sent there.")
        )


class FeishuApp(models.Model):
    """One app of the Feishu (or Lark) developer console. Its events come to /feishu/<slug>/events."""

    slug = models.SlugField(unique=True, help_text=_("In the address that the console sends events to."))
    name = models.CharField(max_length=100, help_text=_("How people know the bot."))
    app_id = models.CharField("App ID", max_length=100, help_text=_("From “Credentials & Basic Info”."))
    secret = SealedField(
        "App Secret", help_text=_("From the same page. Stored encrypted, never shown again.")
    )
    encrypt_key = SealedField(
        "Encrypt Key",
        blank=True,
        help_text=_(
            "From “Events & Callbacks → Encryption Strategy”. With it events are signed and encrypted; use it."
        ),
    )
    verification_token = SealedField("Verification Token", help_text=_("From the same page."))
    base_url = models.CharField(
        _("address"),
        max_length=200,
        default=FEISHU,
        validators=[validate_base_url],
        help_text=format_lazy(_("{feishu} for Feishu, {lark} for Lark."), feishu=FEISHU, lark=LARK),
    )
    agent = models.ForeignKey(
        "agents.Agent",
        models.PROTECT,
        null=True,
        blank=True,
        help_text=_("Who answers. Empty: the default agent."),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        help_text=_(
            "Owns the conversations of groups, and of people who are not linked. Make a user for it."
        ),
    )
    private_policy = models.CharField(
        _("private chats with"), max_length=10, default="everyone", choices=POLICIES
    )
    group_policy = models.CharField(_("in groups"), max_length=10, default="everyone", choices=POLICIES)
    mention_only = models.BooleanField(
        _("only when mentioned"),
        default=True,
        help_text=_("In groups: answer only messages that name the bot with @."),
    )
    trusts_strangers = models.BooleanField(
        _("trusts strangers"),
        default=False,
        db_default=False,
        help_text=_(
            "Off: for people who are not linked to a user here the agent only talks, and uses tools that only read. "
            "On: whoever can write to this bot, invited or not, may have its agent use every tool that it has: write, "
            "send, delete, spend, remember, set up schedules and triggers, as if you had asked. Turn it on only where "
            "you would let a stranger at the keyboard."
        ),
    )
    documents = models.CharField(
        _("reads linked documents for"),
        max_length=10,
        default="nobody",
        db_default="nobody",
        choices=POLICIES,
        help_text=_(
            "Documents, spreadsheets and wiki pages of Feishu that a message links to are read with the app's own "
            "right. Whoever is named here can have the agent read out anything that was shared with the app, also what "
            "they may not open themselves."
        ),
    )
    enabled = models.BooleanField(default=True)
    #: The address for which the secret was entered: it goes to no other. Empty: stored by a release that did not know.
    secret_for = models.CharField(max_length=200, blank=True, editable=False, default="", db_default="")
    #: The bot's own id, asked from Feishu when it is first needed.
    bot_open_id = models.CharField(max_length=100, blank=True, editable=False)

    #: Somebody has entered the secret for the address of now, be it the same as before. Set before it is saved.
    secret_was_entered = False

    class Meta:
        verbose_name = _("Feishu app")
        verbose_name_plural = _("Feishu apps")
        app_label = "feishu"
        db_table = "chat_feishuapp"

    def __str__(self) -> str:
        return self.name or self.slug

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Store it. A secret that is new is bound to the address of now, one that stays to the address it had."""
        if update_fields is None or {"secret", "base_url"} & set(update_fields):
            old = type(self).objects.filter(pk=self.pk).first()
            if old is None or old.secret != self.secret or self.secret_was_entered:
                self.secret_for = self.base_url
            else:
                self.secret_for = old.secret_for or old.base_url
            update_fields = None if update_fields is None else {*update_fields, "secret_for"}
        super().save(*args, update_fields=update_fields, **kwargs)

    @property
    def usable_secret(self) -> str:
        """The secret, if it was entered for the address where it would be sent; else empty."""
        return self.secret if self.secret_for in ("", self.base_url) else ""


class FeishuUser(models.Model):
    """Somebody who has written to an app. Open ids are per app."""

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="people", db_index=False)
    open_id = models.CharField(max_length=100)
    name = models.CharField(max_length=150, blank=True, help_text=_("How the agent and others see them."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Private chats of a linked person are theirs, and open in their web chat, too."),
    )

    class Meta:
        verbose_name = _("Feishu person")
        verbose_name_plural = _("Feishu people")
        app_label = "feishu"
        db_table = "chat_feishuuser"
        constraints = (models.UniqueConstraint(fields=["app", "open_id"], name="feishu_person"),)

    def __str__(self) -> str:
        return self.name or self.open_id


class FeishuMessage(InboundMessage):
    """One message or card action, stored before the webhook is answered: `message_id` of a message, `action:<event id>`
    of a button. The unique key is the de-duplication."""

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="messages", db_index=False)

    class Meta:
        verbose_name = _("Feishu message")
        verbose_name_plural = _("Feishu messages")
        app_label = "feishu"
        db_table = "chat_feishumessage"
        constraints = (models.UniqueConstraint(fields=["app", "message_id"], name="feishu_message"),)
        indexes = (
            models.Index(
                fields=["app", "chat_id", "thread_id", "sent_at"],
                name="feishu_waiting",
                condition=models.Q(state="received"),
            ),
            models.Index(fields=["run"], name="feishu_run", condition=models.Q(answered_at__isnull=True)),
            models.Index(fields=["id"], name="feishu_aside", condition=models.Q(state="refused")),
            # Which message a run answers, and who has written lately; most rows have been answered.
            models.Index(fields=["run", "sent_at", "id"], name="feishu_asked_by"),
            models.Index(fields=["app", "sender", "id"], name="feishu_sender"),
        )


class FeishuLane(Lane):
    """A chat, or a topic in it, and the conversation that it is."""

    app = models.ForeignKey(FeishuApp, models.CASCADE, related_name="lanes", db_index=False)
    #: Marks of the releases before `head_seq` said it all (chat/messenger/told.py); nobody reads them.
    run_seq = models.BigIntegerField(default=0)
    said_seq = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("Feishu chat")
        verbose_name_plural = _("Feishu chats")
        app_label = "feishu"
        db_table = "chat_feishulane"
        constraints = (
            models.UniqueConstraint(fields=["app", "chat_id", "thread_id", "generation"], name="feishu_lane"),
        )
        indexes = (models.Index(fields=["claimed_until"], name="feishu_held"),)


class FeishuTurn(Turn):
    """One run as its chat sees it: the card that shows its state."""

    lane = models.ForeignKey(FeishuLane, models.CASCADE, related_name="turns", db_index=False)

    class Meta:
        verbose_name = _("Feishu turn")
        verbose_name_plural = _("Feishu turns")
        app_label = "feishu"
        db_table = "chat_feishuturn"
        constraints = (models.UniqueConstraint(fields=["lane", "run"], name="feishu_turn"),)


class FeishuDelivery(Delivery):
    """One message that is to be sent. Feishu remembers its `uuid` for an hour."""

    lane = models.ForeignKey(FeishuLane, models.CASCADE, related_name="deliveries")

    class Meta:
        verbose_name = _("Feishu delivery")
        verbose_name_plural = _("Feishu deliveries")
        app_label = "feishu"
        db_table = "chat_feishudelivery"
        indexes = (
            models.Index(fields=["lane", "id"], name="feishu_outbox", condition=models.Q(state="pending")),
            models.Index(fields=["id"], name="feishu_dead", condition=models.Q(state="dead")),
            models.Index(fields=["run", "id"], name="feishu_delivery_run"),
        )


#: What the messenger's room works with.
TABLES = Tables(
    app=FeishuApp, message=FeishuMessage, lane=FeishuLane, turn=FeishuTurn, delivery=FeishuDelivery
)
