"""What the gates of all dialects look at (rules V9, V10, V16). Shares no code with what makes requests."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, as `V3`, where it is broken, and how."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.what}"


def held(found: Iterator[Violation]) -> list[Violation]:
    """All that was found; a body of another form than expected is a violation, too. Never raises."""
    try:
        return list(found)
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, RecursionError) as error:
        return [Violation("V9", "body", f"is not of the expected form ({error})")]


def tools_declared(body: Mapping[str, Any]) -> Iterator[Violation]:
    """V16: names of declared tools, each once."""
    tools = body.get("tools")
    if tools is None:
        return
    if not tools:
        yield Violation("V16", "tools", "an empty list")
    names = [(tool["function"] if "function" in tool else tool).get("name") for tool in tools]
    for place, name in enumerate(names):
        yield from function_name(f"tools[{place}]", name)
    if len(set(names)) != len(names):
        yield Violation("V16", "tools", "two tools of one name")


def function_name(where: str, name: Any) -> Iterator[Violation]:
    """V16."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
        yield Violation("V16", where, f"function name {name!r}")


def arguments(where: str, text: Any) -> Iterator[Violation]:
    """V10."""
    if not isinstance(text, str):
        yield Violation("V10", where, "arguments are not a string")
        return

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} in arguments")

    try:
        value = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        yield Violation("V10", where, f"arguments are no JSON object: {text[:40]!r}")


def plain_object(where: str, value: Any) -> Iterator[Violation]:
    """V10, where arguments are sent as an object: one that any JSON reader takes."""
    if not isinstance(value, dict):
        yield Violation("V10", where, f"arguments are no object: {str(value)[:40]!r}")
        return
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        yield Violation("V10", where, f"arguments that cannot be sent ({error})")


def plain_text(where: str, text: Any) -> Iterator[Violation]:
    """V9: a text that says something and can be encoded."""
    if not isinstance(text, str) or not text.strip():
        yield Violation("V9", where, "an empty text")
    elif not text.isascii() and re.search("[\ud800-\udfff]", text):
        yield Violation("V9", where, "text that cannot be encoded")


def image(where: str, url: Any, sees: bool) -> Iterator[Violation]:
    """V9: a picture, for a model that sees."""
    if not sees:
        yield Violation("V9", where, "an image for a model that cannot see")
    start = str(url)[:40]
    if not re.match(r"data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]", start):
        yield Violation("V9", where, f"an image that is no data URL of a picture: {start!r}")
