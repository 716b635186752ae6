"""What the admin's first page tells an operator who has something to decide."""

from typing import Any

from asgiref.sync import async_to_sync
from django import template

from chat.inspection import base
from chat.inspection.operating import clocks, doubts

register = template.Library()


@register.inclusion_tag("admin/chat/attention.html", takes_context=True)
def attention(context: Any) -> dict[str, Any]:
    """Calls in doubt, with the way to them; nothing for who may not see calls."""
    request = context["request"]
    if not (request.user.has_perm("chat.view_call") or request.user.has_perm("chat.change_call")):
        return {"doubts": 0}
    return {"doubts": doubts(), "address": base.address("chat_call_changelist", by_status="in_doubt")}


@register.inclusion_tag("admin/chat/clocks.html", takes_context=True)
def wrong_clocks(context: Any) -> dict[str, Any]:
    """Machines whose clock is not Redis'; nothing for who may not see runs."""
    user = context["request"].user
    if not (user.has_perm("chat.view_run") or user.has_perm("chat.change_run")):
        return {"lines": []}
    return {"lines": async_to_sync(clocks)()}
