"""Files that several conversations have: one file in the storage, and a row for each conversation.

    a row, locked ─► another row of the same file ─► committed ─► either may go; the last one takes the file along

Whoever removes a row asks afterwards who else names its file, and whoever shares one holds the row until the other is
committed. So no row is left without its file, and a file that nobody names is removed by whoever was last.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from chat.models import Attachment, Conversation


def locked(conversation: UUID, ids: Iterable[UUID]) -> dict[UUID, Attachment]:
    """The rows of these files of a conversation, as many as there are, held until the transaction ends."""
    rows = Attachment.objects.select_for_update().filter(conversation_id=conversation, id__in=list(ids))
    return {row.id: row for row in rows.order_by("id")}


def share(row: Attachment, id: UUID, conversation: Conversation) -> Attachment:
    """The same file as one of another conversation, under an id of its own. `row` is held by this transaction."""
    return Attachment.objects.create(
        id=id,
        owner_id=conversation.owner_id,
        conversation=conversation,
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256,
        file=row.file.name,
        created_at=row.created_at,
    )


def let_go(rows: "QuerySet[Any]") -> None:
    """Have nobody share these files from now on, because they are about to be removed."""
    rows.update(conversation=None, created_at=Attachment.LET_GO)
