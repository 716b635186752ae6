"""What the admin's first page tells an operator who has something to decide."""

from typing import Any

from django import template
from django.utils.translation import gettext

from chat import extensions
from chat.inspection import base
from chat.inspection.operating import doubts, redis_trouble, set_aside

register = template.Library()


@register.inclusion_tag("admin/chat/attention.html", takes_context=True)
def attention(context: Any) -> dict[str, Any]:
    """Calls in doubt, rows that were set aside, dead letters and what is stuck, each with the way to it, and what is
    wrong with Redis; to each what they may see."""
    user = context["request"].user
    told: dict[str, Any] = {"doubts": 0, "waiting": _waiting(user)}
    if user.has_perm("chat.view_call") or user.has_perm("chat.change_call"):
        told["doubts"] = doubts()
        told["address"] = base.address("chat_call_changelist", by_status="in_doubt")
        told["redis"] = redis_trouble()
    return told


def _waiting(user: Any) -> list[tuple[str, str]]:
    """(address, text) of what waits."""
    found: list[tuple[str, str]] = []
    if user.has_perm("chat.view_queuefailure") and (count := set_aside()):
        text = gettext("Set aside, because it raised each time that it was tried: {count}")
        address = base.address("chat_queuefailure_changelist", aside__exact="1")
        found.append((address, text.format(count=f"{count:,}")))
    for entrance, one in extensions.attention():
        if user.has_perm(one.permission) and (count := one.count()):
            text = str(one.text).format(count=f"{count:,}", label=entrance.label)
            found.append((base.address(one.page, **one.query), text))
    return found
