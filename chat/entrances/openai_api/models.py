"""Requests of OpenAI's clients, and the conversations that they are."""

from django.conf import settings
from django.db import models


class Exchange(models.Model):
    """One request and its answer: a message in a conversation. It is stored before anything is done, so that the same
    request again finds it. Times are milliseconds since the Unix epoch."""

    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    agent = models.CharField(max_length=100)
    #: SHA-256 of what was asked: a key that comes again with something else is refused.
    digest = models.CharField(max_length=64)
    conversation = models.UUIDField()
    message = models.UUIDField()
    #: Whether the conversation begins with it.
    begins = models.BooleanField()
    #: The exchange whose conversation it goes on with; each is gone on with once, and who comes later branches off.
    previous = models.OneToOneField("self", models.SET_NULL, null=True, blank=True, related_name="next")
    #: What the client has seen before the answer, and with it (chat/entrances/openai_api/transcript.py: chain).
    before = models.CharField(max_length=64)
    after = models.CharField(max_length=64, default="", blank=True)
    created_at = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["owner", "after"], name="exchange_after"),
            models.Index(fields=["owner", "digest", "created_at"], name="exchange_digest"),
            models.Index(fields=["conversation", "created_at"], name="exchange_conversation"),
        )

    def __str__(self) -> str:
        return str(self.id)
