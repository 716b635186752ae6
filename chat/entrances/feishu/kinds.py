"""Feishu's kinds of messages besides plain text, each in words. Pure; the words are in the language that is active.

What is missing or odd in a content is left out: nothing in here raises, and nothing is guessed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

Content = dict[str, Any]
Files = list[tuple[str, str, str]]

#: Items of a list (options of a vote, people) that are named.
MAX_LISTED = 50


def text_of(kind: str, content: Content, files: Files) -> str:
    """What a message of this kind says; its files are added to `files`."""
    reader = _KINDS.get(kind)
    if reader is not None:
        return reader(content, files)
    return _("[a message of the kind “{kind}”, which cannot be read here]").format(kind=kind[:40])


def post(content: Content, files: Files) -> str:
    """Rich text: a title and paragraphs of pieces."""
    if "content" not in content:  # some come by language
        content = next((one for one in content.values() if isinstance(one, dict)), {})
    lines = [str(content.get("title") or "")]
    for paragraph in _list(content.get("content")):
        lines.append("".join(_piece(one, files) for one in _list(paragraph) if isinstance(one, dict)))
    return "\n".join(lines)


def whole(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON may hold and UTF-8 cannot."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _piece(piece: Content, files: Files) -> str:
    match piece.get("tag"):
        case "text" | "md":
            return str(piece.get("text", ""))
        case "a":
            return f"[{piece.get('text', '')}]({piece.get('href', '')})"
        case "at":
            return str(piece.get("user_id", ""))
        case "img":
            _file(files, "image", piece.get("image_key"), "image")
        case "media":
            _file(files, "file", piece.get("file_key"), "video.mp4")
        case "code_block":
            return f"\n```{piece.get('language', '')}\n{piece.get('text', '')}\n```\n"
        case "emotion":
            return f":{piece.get('emoji_type', '')}:"
        case "hr":
            return "\n---\n"
        case "button":
            return f"[{piece.get('text', '')}]"
        case "note":
            return "".join(
                _piece(one, files) for one in _list(piece.get("elements")) if isinstance(one, dict)
            )
    return ""


def _image(content: Content, files: Files) -> str:
    _file(files, "image", content.get("image_key"), "image")
    return ""


def _plain_file(content: Content, files: Files) -> str:
    _file(files, "file", content.get("file_key"), str(content.get("file_name") or "file"))
    return ""


def _audio(content: Content, files: Files) -> str:
    _file(files, "file", content.get("file_key"), "voice.opus")
    seconds = _number(content.get("duration")) // 1000
    return _("[a voice message of {seconds} seconds]").format(seconds=seconds)


def _media(content: Content, files: Files) -> str:
    _file(files, "file", content.get("file_key"), str(content.get("file_name") or "video.mp4"))
    return _("[a video]")


def _sticker(content: Content, files: Files) -> str:
    return _("[a sticker that cannot be read here]")


def _folder(content: Content, files: Files) -> str:
    return _("[the folder “{name}”, which cannot be read here]").format(name=_text(content, "file_name"))


def _card(content: Content, files: Files) -> str:
    lines = [_text(content, "title")]
    for paragraph in _list(content.get("elements")):
        lines.append("".join(_piece(one, files) for one in _list(paragraph) if isinstance(one, dict)))
    said = "\n".join(line for line in lines if line.strip())
    return said or _("[a card that cannot be read here]")


def _location(content: Content, files: Files) -> str:
    place = f"{_text(content, 'name')} ({_text(content, 'latitude')}, {_text(content, 'longitude')})"
    return _("[a location: {place}]").format(place=place)


def _calendar(content: Content, files: Files) -> str:
    begin, end = _time(content.get("start_time")), _time(content.get("end_time"))
    told = _("[a calendar entry: {name}, from {begin} to {end}]")
    return told.format(name=_text(content, "summary"), begin=begin, end=end)


def _meeting(content: Content, files: Files) -> str:
    told = _("[a video meeting: {name}, {begin}]")
    return told.format(name=_text(content, "topic"), begin=_time(content.get("start_time")))


def _task(content: Content, files: Files) -> str:
    summary = content.get("summary")
    name = post(summary, files).strip() if isinstance(summary, dict) else str(summary or "")
    if due := _number(content.get("due_time")):
        return _("[a task: {name}, due {due}]").format(name=name, due=_time(due))
    return _("[a task: {name}]").format(name=name)


def _vote(content: Content, files: Files) -> str:
    options = [f"- {one}" for one in _list(content.get("options"))[:MAX_LISTED]]
    return "\n".join([_("[a vote: {name}]").format(name=_text(content, "topic")), *options])


def _system(content: Content, files: Files) -> str:
    text = _text(content, "template")
    for name, value in content.items():
        said = ", ".join(map(str, value[:MAX_LISTED])) if isinstance(value, list) else ""
        if isinstance(value, dict):
            said = _text(value, "text")
        text = text.replace("{" + name + "}", said)
    return _("[Feishu says: {text}]").format(text=text)


def _money(content: Content, files: Files) -> str:
    return _text(content, "text") or _("[a red packet]")


def _group(content: Content, files: Files) -> str:
    return _("[the card of the group {id}]").format(id=_text(content, "chat_id"))


def _person(content: Content, files: Files) -> str:
    return _("[the card of the person {id}]").format(id=_text(content, "user_id"))


def _forwarded(content: Content, files: Files) -> str:
    return ""  # it is asked for: the event does not hold it


_KINDS: dict[str, Callable[[Content, Files], str]] = {
    "image": _image,
    "file": _plain_file,
    "folder": _folder,
    "audio": _audio,
    "media": _media,
    "sticker": _sticker,
    "interactive": _card,
    "location": _location,
    "share_calendar_event": _calendar,
    "calendar": _calendar,
    "general_calendar": _calendar,
    "video_chat": _meeting,
    "todo": _task,
    "vote": _vote,
    "system": _system,
    "hongbao": _money,
    "share_chat": _group,
    "share_user": _person,
    "merge_forward": _forwarded,
}


def _file(files: Files, kind: str, key: Any, name: str) -> None:
    files.append((kind, str(key or ""), name))


def _list(of: Any) -> list[Any]:
    return of if isinstance(of, list) else []


def _text(content: Content, name: str) -> str:
    return str(content.get(name) or "")


def _number(of: Any) -> int:
    try:
        return int(of)
    except (TypeError, ValueError, OverflowError):
        return 0


def _time(milliseconds: Any) -> str:
    try:
        return datetime.fromtimestamp(_number(milliseconds) / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "?"
