"""What SQL keeps of the webhook: who calls, what came in, where it goes, and what goes out.

The columns of the last four are those of any messenger (`chat/messenger/models.py`).
"""

from typing import ClassVar

from django.conf import settings
from django.db import models

from chat.messenger.models import Delivery, InboundMessage, Lane, Tables, Turn
from chat.support.encryption import SealedField
from holdfast_example.webhook import validation
from holdfast_example.webhook.signature import new_secret


class ChatWebhook(models.Model):
    """One program that brings chats. It posts to /chat-webhook/<slug>/events and is posted to at `callback`."""

    slug = models.SlugField(unique=True, help_text="In the address that messages are posted to.")
    callback = models.CharField(
        max_length=500, validators=[validation.callback], help_text="Where answers are posted to."
    )
    secret = SealedField(
        default=new_secret,
        validators=[validation.secret],
        help_text="Signs both directions. Copy it now: it is stored encrypted and never shown again.",
    )
    agent = models.ForeignKey(
        "agents.Agent", models.PROTECT, null=True, blank=True, related_name="+", help_text="Who answers."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", help_text="Owns the conversations."
    )
    trusts_strangers = models.BooleanField(
        default=False,
        db_default=False,
        help_text="On: whoever the program says has written may have the agent use every tool that it has, as if its "
        "owner had asked. Off: the agent only talks with them, and uses tools that only read.",
    )
    enabled = models.BooleanField(default=True)

    #: Whoever has the secret says who writes: nobody is refused, and no mention is needed.
    mention_only: ClassVar[bool] = False
    private_policy: ClassVar[str] = "everyone"
    group_policy: ClassVar[str] = "everyone"

    def __str__(self) -> str:
        return self.slug


class ChatMessage(InboundMessage):
    """A message or a pressed button. The unique key is the protection against replays."""

    app = models.ForeignKey(ChatWebhook, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["app", "message_id"], name="example_chat_message"),)
        indexes = (
            models.Index(
                fields=["app", "chat_id", "sent_at"],
                name="example_chat_waiting",
                condition=models.Q(state="received"),
            ),
        )


class ChatLane(Lane):
    """A chat and the conversation that it is."""

    app = models.ForeignKey(ChatWebhook, models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["app", "chat_id", "thread_id", "generation"], name="example_chat_lane"
            ),
        )


class ChatTurn(Turn):
    """One run as its chat sees it."""

    lane = models.ForeignKey(ChatLane, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["lane", "run"], name="example_chat_turn"),)


class ChatDelivery(Delivery):
    """One answer that is to be posted."""

    lane = models.ForeignKey(ChatLane, models.CASCADE, related_name="+")

    class Meta:
        verbose_name_plural = "chat deliveries"
        indexes = (
            models.Index(
                fields=["lane", "id"], name="example_chat_outbox", condition=models.Q(state="pending")
            ),
        )


TABLES = Tables(app=ChatWebhook, message=ChatMessage, lane=ChatLane, turn=ChatTurn, delivery=ChatDelivery)
