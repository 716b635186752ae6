"""What a Feishu message says: its content as plain text, mentions resolved, our own left out. Pure.

Words of ours are in the language that is active. What kinds besides plain text say is in kinds.py.
"""

from collections.abc import Iterable
from typing import Any

from agents.borders import document
from chat.entrances.feishu import kinds
from chat.messenger.adapter import Found, Said


def read(message: dict[str, Any], bot: str) -> Said:
    """The text of an event's `message`; `bot` is our own open id. Never raises: what is odd is named in words."""
    named = message.get("mentions")
    mentions = [one for one in named if isinstance(one, dict)] if isinstance(named, list) else []
    for_us = any(_open_id(one) == bot for one in mentions) if bot else False
    kind = str(message.get("message_type", ""))
    content = _object(message.get("content"))
    files: list[tuple[str, str, str]] = []
    if kind == "text":
        text = str(content.get("text", ""))
    elif kind == "post":
        text = kinds.post(content, files)
    else:
        text = kinds.text_of(kind, content, files)
    whole = tuple((kind, key, kinds.whole(name)[:200]) for kind, key, name in files)
    return Said(
        kinds.whole(_resolved(text, mentions, bot)).strip(),
        for_us,
        whole,
        quotes=_quoted(message),
        forwards=_id(message, "message_id") if kind == "merge_forward" else "",
    )


def found(items: list[Any], app_id: str) -> list[Found]:
    """The messages that Feishu's API answers with, the one that was asked for first."""
    messages: list[Found] = []
    for item in items:
        if not isinstance(item, dict) or item.get("deleted"):
            continue
        body, sender = _dict(item, "body"), _dict(item, "sender")
        said = read({**item, "message_type": item.get("msg_type"), "content": body.get("content")}, "")
        ours = sender.get("id") == app_id
        id, upper = _id(item, "message_id"), _id(item, "upper_message_id")
        messages.append(Found(id, "" if ours else str(sender.get("id") or "?"), said, upper))
    return messages


def _quoted(message: dict[str, Any]) -> str:
    """The message that this one answers. In a topic each answers the first one: that is no quotation."""
    parent, thread = _id(message, "parent_id"), _id(message, "thread_id")
    return "" if thread and parent == _id(message, "root_id") else parent


def _id(of: dict[str, Any], name: str) -> str:
    id = of.get(name)
    return id if isinstance(id, str) and len(id) <= 100 else ""


def _dict(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _object(text: Any) -> dict[str, Any]:
    try:
        content = document(text or "{}")
    except (AttributeError, TypeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _open_id(mention: dict[str, Any]) -> str:
    id = mention.get("id")
    return str(id.get("open_id", "") if isinstance(id, dict) else id or "")


def _resolved(text: str, mentions: Iterable[dict[str, Any]], bot: str) -> str:
    # Longest keys first: @_user_1 is the beginning of @_user_10.
    for one in sorted(mentions, key=lambda one: -len(str(one.get("key", "")))):
        key = str(one.get("key", ""))
        if key:
            name = "" if bot and _open_id(one) == bot else f"@{one.get('name', '')}"
            text = text.replace(key, name)
    return text.replace("@_all", "@all")
