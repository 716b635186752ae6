"""Cards and messages as Feishu's CardKit takes them (JSON, schema 2.0). Pure."""

import json
import re
from html import unescape
from typing import Any

from chat.messenger.adapter import Button, Card, CardText

Json = dict[str, Any]


def card(shown: Card) -> Json:
    """The JSON of a card. Streamed texts keep their ids as elements' ids."""
    elements = [_element(part) for part in shown.parts]
    config = {
        "streaming_mode": shown.streaming,
        "update_multi": True,
        "summary": {"content": shown.summary},
    }
    return {"schema": "2.0", "config": config, "body": {"elements": elements}}


def message(text: str) -> str:
    """The content of a message that shows markdown (already mapped)."""
    summary = unescape(" ".join(text.split()))[:60]
    return json.dumps(card(Card((CardText("text", text),), summary, streaming=False)), ensure_ascii=False)


def texts(content: str) -> list[str]:
    """The markdown (or the text) in a message's content."""
    found = json.loads(content)
    if "text" in found:
        return [str(found["text"])]
    elements = found.get("body", {}).get("elements", [])
    return [str(element["content"]) for element in elements if element.get("tag") == "markdown"]


def text(shown: str) -> str:
    """The content of a message of plain text. Feishu obeys tags (<at …>) there, too: they are broken up."""
    return json.dumps({"text": re.sub(r"<(?=[A-Za-z/!?])", "<\u200b", shown)}, ensure_ascii=False)


def _element(part: CardText | Button) -> Json:
    if isinstance(part, CardText):
        return {"tag": "markdown", "element_id": part.id, "content": part.markdown}
    return {
        "tag": "button",
        "type": part.look,
        "text": {"tag": "plain_text", "content": part.label},
        "behaviors": [{"type": "callback", "value": dict(part.value)}],
    }
