"""A conversation as a file for people (Markdown). Pure. The whole of it, as JSON, is written by chat/portable/.

It is made of the items that a page would show, so what people see and what they take along is the same.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Item = Mapping[str, Any]


def as_markdown(info: Mapping[str, Any], items: Iterable[Item]) -> str:
    """The conversation for people: what was said by whom and when, and what tools were asked and gave."""
    title = " ".join(str(info["title"]).split()) or "Conversation"
    parts = [f"# {title}", f"{info['agent']} · {_time(info['created_at'])}"]
    parts += [part for item in items if (part := _item(item))]
    return "\n\n".join(parts) + "\n"


def _item(item: Item) -> str:
    match item["kind"]:
        case "message" | "note":
            files = "".join(f"\n- {one['name']}" for one in item.get("attachments") or ())
            who = "Person" if item["kind"] == "message" else "Note"
            return "\n\n".join(filter(None, (f"## {who} · {_time(item['at'])}", item["text"], files.strip())))
        case "step":
            calls = [_call(call) for call in item["calls"]]
            return "\n\n".join(filter(None, (f"## Agent · {_time(item['at'])}", item["text"], *calls)))
        case "agent":
            return f"> {item['agent']} · {_time(item['at'])}"
        case "notice":
            return f"> {' · '.join(filter(None, (item['code'], item['detail'])))}"
    return ""


def _call(call: Mapping[str, Any]) -> str:
    told = [f"**{call['name']}** · {call['status']}", fenced(call["arguments"], "json")]
    given = call.get("result") or call["preview"]
    return "\n\n".join([*told, fenced(given)] if given else told)


def fenced(text: str, language: str = "") -> str:
    """A block of code around a text, whatever fences it holds itself."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
