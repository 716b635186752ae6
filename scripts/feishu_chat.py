"""Draws what a Feishu chat was sent, for the pictures of docs/feishu.md: from the JSON of the messages and cards that
our code sent to the fake server (tests/support/feishu_server.py), and from nothing else.

It is a rendering of that JSON, not Feishu's own drawing, and the page says so.
"""

from __future__ import annotations

import html
import re
from typing import Any

from tests.support.feishu_server import FeishuServer, Sent

STYLE = """
body { margin: 0; background: #eef0f4; font: 14px/1.5 system-ui, "Noto Sans", sans-serif; color: #1f2329; }
.said { padding: 10px 16px; border-bottom: 1px solid #dcdfe5; background: #fff; color: #646a73; font-size: 12px; }
.one { max-width: 430px; margin: 14px 16px; padding: 12px 14px; background: #fff; border: 1px solid #dee0e3;
  border-radius: 10px; overflow-wrap: anywhere; }
.mine { margin-left: auto; background: #d8e6ff; border-color: #c4d8fb; width: fit-content; }
.reply { color: #8f959e; font-size: 12px; border-left: 2px solid #c9cdd4; padding-left: 6px; margin-bottom: 6px; }
.kind { color: #8f959e; font-size: 11px; float: right; }
p, pre { margin: 4px 0; } code, pre { background: #f5f6f7; }
pre { padding: 8px; border-radius: 6px; white-space: pre-wrap; }
.sign { display: inline-block; width: 1.3em; color: #2b7a4b; }
button { font: inherit; margin: 6px 8px 0 0; padding: 3px 14px; border: 1px solid #c9cdd4; border-radius: 6px;
  background: #fff; }
button.danger { color: #d83931; border-color: #f3b1ad; }
"""


def page(feishu: FeishuServer, chat: str, said: dict[str, str], title: str) -> str:
    """A page with a chat's messages in order. `said`: the texts of people's messages by their id."""
    rows, shown = [], set()
    for message in feishu.shown(chat):
        if message.reply_to in said and message.reply_to not in shown:
            shown.add(message.reply_to)
            rows.append(f'<div class="one mine">{html.escape(said[message.reply_to])}</div>')
        rows.append(_message(feishu, message, said))
    note = "Drawn from the JSON that Holdfast sent; Feishu's own look differs."
    head = f'<div class="said"><b>{html.escape(title)}</b> · {note}</div>'
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{head}{''.join(rows)}"


def _message(feishu: FeishuServer, message: Sent, said: dict[str, str]) -> str:
    card_id = message.content.get("data", {}).get("card_id")
    card = feishu.cards[card_id].shown if card_id else message.content
    streaming = card_id is not None and feishu.cards[card_id].streaming
    kind = "card, streaming" if streaming else "card" if card_id else "message"
    reply = (
        f'<div class="reply">{html.escape(said[message.reply_to])}</div>' if message.reply_to in said else ""
    )
    body = "".join(map(_element, card["body"]["elements"]))
    return f'<div class="one"><span class="kind">{kind}</span>{reply}{body}</div>'


def _element(element: dict[str, Any]) -> str:
    if element["tag"] == "button":
        return f'<button class="{element["type"]}">{html.escape(element["text"]["content"])}</button>'
    return markdown(element["content"])


def markdown(text: str) -> str:
    """The markdown that our cards use, as HTML."""
    blocks = []
    for place, part in enumerate(re.split(r"^```.*$\n?", text, flags=re.MULTILINE)):
        if place % 2:
            blocks.append(f"<pre>{html.escape(part.rstrip())}</pre>")
            continue
        for paragraph in part.split("\n\n"):
            lines = [_line(line) for line in paragraph.split("\n") if line.strip()]
            blocks.append(f"<p>{'<br>'.join(lines)}</p>" if lines else "")
    return "".join(blocks)


#: Drawn with signs that every font has.
SIGNS = {"✅": "✔", "⏳": "◔", "❓": "<b>?</b>", "▫️": "▫", "⚠️": "⚠", "✖️": "✖"}


def _line(line: str) -> str:
    # Entities are written by us, tags are not: what looks like one is text.
    line = re.sub(r"&(?!#\d+;)", "&amp;", line).replace("<", "&lt;")
    line = re.sub(r"`([^`]+)`", r"<code>\1</code>", line)
    line = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", line)
    line = re.sub(r"\*(.+?)\*", r"<i>\1</i>", line)
    line = re.sub(r"^[-*] ", "• ", line)
    for sign, plain in SIGNS.items():
        line = line.replace(sign, f'<span class="sign">{plain}</span>')
    return re.sub(r"^#+ (.*)$", r"<b>\1</b>", line)
