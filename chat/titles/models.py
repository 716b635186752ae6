"""What is known of the work on a conversation's title: a row as soon as there is something to decide. It goes with its
conversation, and stays as long, because a model is asked for a title once. Times are milliseconds since the Unix epoch.

    waiting ─► over      `why`: what became of it, for whoever looks; what the title is says the journal
"""

from typing import Literal

from django.db import models
from django.utils.translation import gettext_lazy as _

State = Literal["waiting", "over"]
#: The longest `why`, in characters.
MAX_WHY = 300


class TitleWork(models.Model):
    """Whether a conversation still gets a title. While it waits, `claimed_until` says whose it is, and after a failed
    try when the next one is due."""

    #: Without a constraint: a release that does not know this table may delete the conversation.
    conversation = models.OneToOneField(
        "chat.Conversation", models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    state = models.CharField(max_length=10)
    why = models.CharField(max_length=MAX_WHY, default="", blank=True)
    #: How often a worker has taken it.
    tries = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        app_label = "chat"
        verbose_name = _("title to be written")
        verbose_name_plural = _("titles to be written")
        indexes = (
            models.Index(fields=["claimed_until"], name="title_waiting", condition=models.Q(state="waiting")),
        )

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.state}"
