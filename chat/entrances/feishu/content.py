"""What a Feishu message says: its content as plain text, mentions resolved, our own left out. Pure."""

from collections.abc import Iterable
from typing import Any

from agents.borders import document
from chat.messenger.adapter import Said

#: What we say of kinds that carry no text.
KINDS = {
    "audio": "a voice message",
    "media": "a video",
    "sticker": "a sticker",
    "share_chat": "a group's card",
    "share_user": "a person's card",
    "location": "a location",
    "merge_forward": "forwarded messages",
    "interactive": "a card",
    "system": "a system message",
    "calendar": "a calendar entry",
    "todo": "a task",
    "vote": "a vote",
}


def read(message: dict[str, Any], bot: str) -> Said:
    """The text of an event's `message`; `bot` is our own open id. Never raises: what is odd is named in words."""
    try:
        content = document(message.get("content") or "{}")
    except (AttributeError, TypeError, ValueError):
        content = {}
    if not isinstance(content, dict):
        content = {}
    named = message.get("mentions")
    mentions = [one for one in named if isinstance(one, dict)] if isinstance(named, list) else []
    for_us = any(_open_id(one) == bot for one in mentions) if bot else False
    kind = str(message.get("message_type", ""))
    files: list[tuple[str, str, str]] = []
    if kind == "text":
        text = str(content.get("text", ""))
    elif kind == "post":
        text = _post(content, files)
    elif kind == "image":
        files.append(("image", str(content.get("image_key", "")), "image"))
        text = ""
    elif kind == "file":
        files.append(
            ("file", str(content.get("file_key", "")), _whole(str(content.get("file_name", "file")))[:200])
        )
        text = ""
    else:
        text = f"[{KINDS.get(kind, 'a message')} that cannot be read here]"
    return Said(_whole(_resolved(text, mentions, bot)).strip(), for_us, tuple(files))


def _whole(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON may hold and UTF-8 cannot."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _open_id(mention: dict[str, Any]) -> str:
    id = mention.get("id")
    return str(id.get("open_id", "") if isinstance(id, dict) else id or "")


def _resolved(text: str, mentions: Iterable[dict[str, Any]], bot: str) -> str:
    # Longest keys first: @_user_1 is the beginning of @_user_10.
    for one in sorted(mentions, key=lambda one: -len(str(one.get("key", "")))):
        key = str(one.get("key", ""))
        if key:
            name = "" if _open_id(one) == bot else f"@{one.get('name', '')}"
            text = text.replace(key, name)
    return text.replace("@_all", "@all")


def _post(content: dict[str, Any], files: list[tuple[str, str, str]]) -> str:
    if "content" not in content:  # some come by language
        content = next((one for one in content.values() if isinstance(one, dict)), {})
    lines = [str(content.get("title") or "")]
    for paragraph in content.get("content") or []:
        pieces = paragraph if isinstance(paragraph, list) else []
        lines.append("".join(_piece(one, files) for one in pieces if isinstance(one, dict)))
    return "\n".join(lines)


def _piece(piece: dict[str, Any], files: list[tuple[str, str, str]]) -> str:
    match piece.get("tag"):
        case "text" | "md":
            return str(piece.get("text", ""))
        case "a":
            return f"[{piece.get('text', '')}]({piece.get('href', '')})"
        case "at":
            return str(piece.get("user_id", ""))
        case "img" | "media":
            kind = "image" if piece["tag"] == "img" else "file"
            named = "image" if kind == "image" else "video"
            files.append((kind, str(piece.get("image_key") or piece.get("file_key") or ""), named))
            return ""
        case "code_block":
            return f"\n```{piece.get('language', '')}\n{piece.get('text', '')}\n```\n"
        case "emotion":
            return f":{piece.get('emoji_type', '')}:"
        case "hr":
            return "\n---\n"
    return ""
