"""What search keeps beside the journal. It can be made again from it at any time (`chat/search/indexer.py`), and goes
with its conversation."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.search.fields import WordsField


class SearchText(models.Model):
    """One text that can be found, by its words; the text itself stays where it is (`chat/search/texts.py`).

    `kind` and `key` say what it is: the `title`, a `message` or a note, an `answer` (a step) or a `result` (a call), by
    its id. `seq` and `branch` are of the item in which people see it."""

    conversation = models.ForeignKey("chat.Conversation", models.CASCADE, related_name="+", db_index=False)
    #: Of the conversation. Here, too, so that one person's texts are found without looking at anybody else's.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=80, blank=True)
    item = models.CharField(max_length=80, blank=True)
    seq = models.BigIntegerField()
    branch = models.CharField(max_length=36, blank=True)
    at = models.BigIntegerField()
    words = WordsField()

    class Meta:
        app_label = "chat"
        verbose_name = _("text that can be found")
        verbose_name_plural = _("texts that can be found")
        constraints = (models.UniqueConstraint(fields=["conversation", "kind", "key"], name="search_text"),)
        indexes = (models.Index(fields=["owner", "-at", "-id"], name="search_newest"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class SearchProgress(models.Model):
    """How far a conversation's journal was read for search. Moved by compare-and-set, with what was found."""

    conversation = models.OneToOneField(
        "chat.Conversation", models.CASCADE, primary_key=True, related_name="+"
    )
    seq = models.BigIntegerField(default=0, db_default=0)
    claimed_until = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        app_label = "chat"
        verbose_name = _("progress of search")
        verbose_name_plural = _("progress of search")

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.seq}"
