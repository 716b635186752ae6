"""Chat templates out of public packages, rendered in a sandbox as inference servers render them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.witnesses.packages import TEMPLATES, Package, unpacked

Json = dict[str, Any]
#: What a text has to hold to be a chat template.
_MARKS = (re.compile(r"\{%"), re.compile(r"\bmessages?\b"), re.compile(r"\{\{"))
#: Files larger than this hold other things.
_MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Witness:
    """A template and where it was found first."""

    name: str
    text: str

    def shown(self, body: Json, **more: Any) -> str:
        """What the model would read of a Chat Completions body. Raises whatever the template raises."""
        named = {
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "documents": None,
        }
        return str(
            compiled(self.text).render(
                **named,
                messages=body["messages"],
                tools=body.get("tools"),
                add_generation_prompt=True,
                **more,
            )
        )


@lru_cache(maxsize=2)
def compiled(text: str) -> Any:
    """A template ready to render. Raises TemplateError."""
    return environment().from_string(text)


class _Generation(Extension):
    """`{% generation %}`: trainers mark with it what the model wrote."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def environment() -> ImmutableSandboxedEnvironment:
    """As transformers makes it, which vLLM and others render with."""

    def raise_exception(words: str) -> None:
        raise TemplateError(words)

    def tojson(value: Any, indent: int | None = None, ensure_ascii: bool = False, **more: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **more)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    made.filters["tojson"] = tojson
    made.filters["from_json"] = made.filters["fromjson"] = json.loads
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda how: datetime(2026, 1, 1).strftime(how)
    return made


def collected(packages: tuple[Package, ...] = TEMPLATES) -> list[Witness]:
    """All templates of the packages that can be compiled, each text once, in a stable order."""
    found: dict[str, Witness] = {}
    for package in packages:
        folder = unpacked(package)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size <= _MAX_BYTES:
                for number, text in enumerate(_texts(path)):
                    where = f"{package.name}/{path.relative_to(folder)}" + (f"#{number}" if number else "")
                    found.setdefault(text.strip(), Witness(where, text))
    return [witness for witness in found.values() if _compiles(witness)]


def _compiles(witness: Witness) -> bool:
    try:
        return compiled(witness.text) is not None
    except TemplateError:
        return False  # a template of something else, or one for another engine


def _texts(path: Path) -> Iterator[str]:
    kind = path.suffix
    if kind not in (".jinja", ".jinja2", ".j2", ".json", ".py"):
        return
    source = path.read_text(encoding="utf-8", errors="replace")
    if "{%" not in source:
        return
    match kind:
        case ".json":
            texts = _strings(source)
        case ".py":
            texts = _constants(source)
        case _:
            texts = iter([source])
    yield from (text for text in texts if all(mark.search(text) for mark in _MARKS))


def _strings(source: str) -> Iterator[str]:
    try:
        waiting: list[Any] = [json.loads(source)]
    except ValueError:
        return
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict | list):
            waiting.extend(reversed(list(one.values() if isinstance(one, dict) else one)))


def _constants(source: str) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):  # it is nobody's here
            tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
