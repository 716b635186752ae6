"""A conversation as a file: all that the journal has of it as JSON (chat/portable/), or what was said as Markdown."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from chat.inspection import base
from chat.journal import on_path
from chat.models import Conversation
from chat.portable.writing import lines


def as_json(row: Conversation) -> StreamingHttpResponse:
    """All of a conversation, streamed: however long it is, little of it is in memory."""
    return _download(StreamingHttpResponse(lines(row), content_type="application/json"), row, "json")


def as_markdown(row: Conversation) -> HttpResponse:
    """What people, the agent and its tools said, to be read: of the branch that is shown."""
    path = on_path.path_of(row.branches)
    parts = [f"# {row.title or row.pk}\n"]
    items: list[Any] = [
        *on_path.on(row.messages.all(), path).values_list("seq", "body"),
        *on_path.on(row.steps.all(), path).values_list("seq", "body"),
    ]
    for _seq, item in sorted(items, key=lambda one: one[0]):
        parts += _said(item)
    text = "\n".join(parts)
    return _download(HttpResponse(text, content_type="text/markdown; charset=utf-8"), row, "md")


def _said(item: dict[str, Any]) -> Iterator[str]:
    when = base.time(item.get("at")).rpartition(".")[0]
    match item["kind"]:
        case "message" | "note":
            origin = item.get("origin") or {}
            yield f"## {origin.get('name') or item['kind']} · {when} UTC\n"
            yield f"{item['text']}\n"
            yield from (f"- {file['name']}" for file in item.get("attachments") or ())
        case "step":
            yield f"## {item.get('model') or 'agent'} · {when} UTC\n"
            if item.get("text"):
                yield f"{item['text']}\n"
            for call in item.get("calls") or ():
                yield f"**{call['name']}** ({call['status']})\n"
                yield _fenced(call["arguments"])
                if call.get("preview"):
                    yield _fenced(call["preview"])
        case _:
            yield f"*{item.get('code')}* {item.get('detail', '')}\n"


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}\n"


def _download(response: Any, row: Conversation, ending: str) -> Any:
    response["Content-Disposition"] = content_disposition_header(True, f"conversation-{row.pk}.{ending}")
    response["Cache-Control"] = "private, no-store"
    return response
