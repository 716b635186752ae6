"""What the admin's first page tells an operator who has something to decide."""

from typing import Any

from django import template

from chat.inspection import base
from chat.inspection.operating import doubts, redis_trouble

register = template.Library()


@register.inclusion_tag("admin/chat/attention.html", takes_context=True)
def attention(context: Any) -> dict[str, Any]:
    """Calls in doubt, with the way to them, and what is wrong with Redis; nothing for who may not see calls."""
    request = context["request"]
    if not (request.user.has_perm("chat.view_call") or request.user.has_perm("chat.change_call")):
        return {"doubts": 0}
    return {
        "doubts": doubts(),
        "address": base.address("chat_call_changelist", by_status="in_doubt"),
        "redis": redis_trouble(),
    }
