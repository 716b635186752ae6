"""That somebody has read a conversation is itself written down: who, when, and which page of it.

It stands in the admin's own log, so the page "History" of a conversation shows it. Reading on within a few minutes is
one reading. One's own conversation is nobody else's.
"""

from datetime import timedelta
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from chat.models import Conversation

#: Within this time more pages of the same conversation are the same reading.
SAME_READING = timedelta(minutes=10)
READ = "Read"


def was_read(user: Any, row: Conversation, page: str) -> None:
    """Note that `user` has read this conversation, on this page of it. The caller has checked that they may."""
    if row.owner_id == user.pk:
        return
    of = ContentType.objects.get_for_model(Conversation).pk
    since = timezone.now() - SAME_READING
    noted = LogEntry.objects.filter(user_id=user.pk, action_time__gte=since, content_type_id=of)
    if noted.filter(object_id=str(row.pk), change_message=f"{READ}: {page}.").exists():
        return
    LogEntry.objects.create(
        user_id=user.pk,
        content_type_id=of,
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=CHANGE,
        change_message=f"{READ}: {page}.",
    )
