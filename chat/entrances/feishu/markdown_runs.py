"""The inside of a paragraph as runs of text: read from the parser's tree, counted and cut. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token

#: Bytes of an address that is written as a link.
MAX_ADDRESS = 2_000

#: White space for the rule of emphasis: a mark stands beside none.
SPACES = "\t\n\x0c\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
_BR = re.compile(r"<br\s*/?>", re.IGNORECASE)
_UNIT = re.compile(r"\s+|[^\s。！？；，、]{1,60}[。！？；，、]?\s*|[。！？；，、]+\s*")


@dataclass(frozen=True)
class Mark:
    """What a run is besides text: `strong`, `em`, `s`, or a `link`, each with a number of its own."""

    kind: str
    href: str = ""
    number: int = 0


@dataclass(frozen=True)
class Run:
    """Text with the same marks. `code`: as it is; otherwise a line break is one."""

    text: str
    marks: frozenset[Mark] = frozenset()
    code: bool = False


Runs = tuple[Run, ...]


def read(tokens: Iterable[Token]) -> Runs:
    """The runs of an inline token's children."""
    runs: list[Run] = []
    open_marks: list[Mark] = []
    for number, token in enumerate(tokens):
        kind = token.type
        if kind.endswith("_open"):
            name = "link" if kind == "link_open" else kind.removesuffix("_open")
            open_marks.append(Mark(name, str(token.attrGet("href") or ""), number if name == "link" else 0))
        elif kind.endswith("_close"):
            closed = open_marks.pop()
            if closed.kind == "link" and not address_of(closed.href):
                runs += _unlinked(runs, closed)
        elif kind == "code_inline":
            runs.append(Run(token.content, frozenset(open_marks), code=True))
        elif kind == "image":
            runs.append(_image(token, number, open_marks))
        else:
            text = "\n" if kind in ("softbreak", "hardbreak") else token.content
            runs.append(Run(text, frozenset(open_marks)))
    return tuple(_linked(runs))


def plain(runs: Iterable[Run]) -> str:
    """The text alone."""
    return "".join(run.text for run in runs)


def with_addresses(runs: Iterable[Run]) -> str:
    """The text, with the address of a link behind it."""
    parts: list[str] = []
    link: Mark | None = None
    for run in (*runs, Run("")):
        now = next((mark for mark in run.marks if mark.kind == "link"), None)
        if link is not None and now != link and not parts[-1].endswith(link.href):
            parts.append(f" ({link.href})")
        link = now
        parts.append(run.text)
    return "".join(parts)


@lru_cache(maxsize=1_000)
def address_of(href: str) -> str:
    """An address as it can stand in a link; empty if Feishu would not take it for one."""
    if not href.lower().startswith(("https://", "http://")):
        return ""
    address = normalizeLink(href).replace("(", "%28").replace(")", "%29").replace(";", "%3B")
    return address if len(address) <= MAX_ADDRESS and not re.search(r"[\s<>]", address) else ""


def _unlinked(runs: list[Run], link: Mark) -> list[Run]:
    """What stands behind the text of a link that cannot be one: its address, unless the text says it already."""
    text = plain(run for run in runs if link in run.marks)
    shown = link.href.removeprefix("mailto:")
    return [] if not shown or shown.startswith("#") or shown in text else [Run(f" ({shown})")]


def _image(token: Token, number: int, open_marks: list[Mark]) -> Run:
    """A picture would have to be uploaded to Feishu: a link to it."""
    alt = "".join(child.content or "\n" for child in token.children or [] if child.type != "image")
    marks = set(open_marks)
    source = str(token.attrGet("src") or "")
    if address_of(source) and not any(mark.kind == "link" for mark in marks):
        marks.add(Mark("link", source, number))
    return Run(alt.strip() or "image", frozenset(marks))


def _linked(runs: Iterable[Run]) -> Iterator[Run]:
    """Bare addresses as links, so that their signs are not taken for emphasis and no cut goes through them; `<br>`, the
    only tag that models write all the time, as a line break."""
    number = -1
    for run in runs:
        marks = frozenset(mark for mark in run.marks if mark.kind != "link" or address_of(mark.href))
        if run.code:
            yield Run(run.text, marks, code=True)
            continue
        text, at = _BR.sub("\n", run.text), 0
        found = () if any(mark.kind == "link" for mark in marks) else _ADDRESS.finditer(text)
        for match in found:
            address = _trimmed(match[0])
            if address_of(address):
                yield Run(text[at : match.start()], marks)
                yield Run(address, marks | {Mark("link", address, number)})
                at, number = match.start() + len(address), number - 1
        yield Run(text[at:], marks)


def _trimmed(address: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    while address and (
        address[-1] in ".,;:!?'*_~]" or (address[-1] == ")" and address.count(")") > address.count("("))
    ):
        address = address[:-1]
    return address


# ---- cutting ----


def split(runs: Iterable[Run], letters: int) -> tuple[list[Run], list[Run]]:
    """The runs with the first so many letters, and the rest."""
    near: list[Run] = []
    far: list[Run] = []
    for run in runs:
        if letters > 0:
            near.append(run if letters >= len(run.text) else Run(run.text[:letters], run.marks, run.code))
        if letters < len(run.text):
            far.append(run if letters <= 0 else Run(run.text[letters:], run.marks, run.code))
        letters -= len(run.text)
    return near, far


def units(runs: Iterable[Run]) -> list[Run]:
    """The same text in the smallest parts between which it may be cut: words, and links as a whole."""
    parts: list[Run] = []
    for run in runs:
        if any(mark.kind == "link" for mark in run.marks):
            parts.append(run)
        else:
            parts += [Run(text, run.marks, run.code) for text in _UNIT.findall(run.text)]
    return parts


def letters(runs: Iterable[Run]) -> list[Run]:
    """The same letter by letter, for want of anything better."""
    return [Run(letter, run.marks, run.code) for run in runs for letter in run.text]


def joined(runs: Iterable[Run]) -> list[Run]:
    """The same with as few runs as it takes."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].marks == run.marks and found[-1].code == run.code and run.text:
            found[-1] = Run(found[-1].text + run.text, run.marks, run.code)
        elif run.text:
            found.append(run)
    return found
