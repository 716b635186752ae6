"""What is kept of a provider's answers to one step, for the page of its request."""

from typing import Any

from django.utils.translation import gettext

from chat.inspection import base
from chat.models import Conversation, RawResponse

#: Answers that one page shows: a step may have been tried several times.
MAX_RESPONSES = 20


def responses_of(row: Conversation, step: str) -> list[dict[str, Any]]:
    """The kept answers of a step, the newest first."""
    found = RawResponse.objects.filter(conversation=row, step=step).order_by("-ended_at")[:MAX_RESPONSES]
    return [_told(one) for one in found]


def _told(one: RawResponse) -> dict[str, Any]:
    pairs = (
        (gettext("status"), str(one.status) if one.status else gettext("no answer")),
        (gettext("request id"), one.request_id),
        (gettext("began (UTC)"), base.time(one.began_at)),
        (gettext("took"), base.took(one.began_at, one.ended_at)),
        (gettext("size (bytes)"), f"{one.size:,}" if one.size else ""),
        (gettext("model"), one.model),
        (gettext("address"), one.address),
    )
    return {
        "facts": [(name, value) for name, value in pairs if value],
        "problem": one.problem,
        "headers": base.pretty(one.headers) if one.headers else "",
        "body": base.block(one.body) if one.body else "",
        "cut": bool(one.body) and one.size > len(one.body.encode()),
    }
