"""Runs of text in Feishu's markdown. Pure.

Whatever the source was, a sign that means something to Markdown or to Feishu is written as an HTML entity, as Feishu's
manual wants it; nothing that is text can become a tag, a link or a list. What is code stands between more backticks
than it holds.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chat.entrances.feishu.markdown_runs import SPACES, Mark, Run, address_of, joined

#: Backticks around code; what holds more is written as text.
MAX_TICKS = 12
#: Stands between two marks, and is not seen.
NOTHING = "\u200b"
_EDGES = re.compile(rf"([{SPACES}]*)(.*?)([{SPACES}]*)", re.DOTALL)
_SIGNS = re.compile(r"[\\<*`~\]]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
_BEGINS = re.compile(r"[-+#>=|]|:(?=[-|])|\d{1,9}(?=[.)](?:\s|$))")
_BREAKS = re.compile(r"[ \t]*\n[ \t\n]*")
_DELIMITERS = {"strong": "**", "em": "*", "s": "~~"}
_ORDER = ("link", "strong", "em", "s")


def entity(sign: str) -> str:
    """A sign that means nothing."""
    return f"&#{ord(sign)};"


@dataclass
class _Piece:
    """A part of what is written: text, or a mark that opens or closes."""

    text: str
    delimiter: bool = False
    opens: bool = False
    #: Text whose first and last letter may be written as an entity.
    letters: bool = False


def write(runs: Sequence[Run], *, table: bool = False, heading: bool = False) -> str:
    """The runs in Feishu's markdown. In tables and headings it is one line."""
    whole = joined(_outside(_one_line(runs) if table or heading else runs))
    pieces: list[_Piece] = []
    stack: list[Mark] = []
    for number, run in enumerate(whole):
        while not set(stack) <= run.marks:
            pieces.append(_closing(stack.pop()))
        new = sorted(run.marks - set(stack), key=lambda mark: _rank(whole, number, mark))
        for mark in new:
            if mark.kind == "link" and pieces and pieces[-1].text.endswith("!"):
                pieces[-1].text = pieces[-1].text[:-1] + entity("!")  # else it would be a picture
            pieces.append(_opening(mark))
        stack += new
        starts = not pieces or pieces[-1].text.endswith("\n")
        pieces.append(_content(run, starts, table, any(mark.kind == "link" for mark in run.marks)))
    pieces += [_closing(mark) for mark in reversed(stack)]
    _flank(pieces, any({"strong", "em"} <= {mark.kind for mark in run.marks} for run in whole))
    text = "".join(piece.text for piece in pieces).strip(" \t\n")
    if heading and text.endswith("#"):
        text = text[:-1] + entity("#")
    return text


def _one_line(runs: Sequence[Run]) -> list[Run]:
    return [run if run.code else Run(_BREAKS.sub(" ", run.text), run.marks) for run in runs]


def _outside(runs: Iterable[Run]) -> list[Run]:
    """With white space at the edges of marks outside them, where Markdown wants it."""
    parts: list[Run] = []
    for run in runs:
        if run.code:
            parts.append(run)
        elif found := _EDGES.fullmatch(run.text):
            parts += [Run(text, run.marks) for text in found.groups() if text]
    blank = [not run.code and not run.text.strip(SPACES) for run in parts]
    before: list[frozenset[Mark]] = []
    seen: frozenset[Mark] = frozenset()
    for run, is_blank in zip(parts, blank, strict=True):
        before.append(seen)
        seen = seen if is_blank else run.marks
    seen = frozenset()
    for at in range(len(parts) - 1, -1, -1):
        if blank[at]:
            parts[at] = Run(parts[at].text, parts[at].marks & before[at] & seen)
        else:
            seen = parts[at].marks
    return parts


def _rank(runs: list[Run], at: int, mark: Mark) -> tuple[int, int]:
    """Marks that last longer open first."""
    last = at
    while last + 1 < len(runs) and mark in runs[last + 1].marks:
        last += 1
    return -last, _ORDER.index(mark.kind)


def _opening(mark: Mark) -> _Piece:
    if mark.kind == "link":
        return _Piece("[")
    return _Piece(_DELIMITERS[mark.kind], delimiter=True, opens=True)


def _closing(mark: Mark) -> _Piece:
    if mark.kind == "link":
        return _Piece(f"]({address_of(mark.href)})")
    return _Piece(_DELIMITERS[mark.kind], delimiter=True)


def _content(run: Run, starts: bool, table: bool, link: bool) -> _Piece:
    if not run.code:
        return _Piece(_escaped(run.text, starts, table, link), letters=True)
    code = run.text.replace("\n", " ")
    longest = max((len(found) for found in re.findall("`+", code)), default=0)
    # Readers that are less strict than CommonMark must not find a tag in it either.
    if longest >= MAX_TICKS or (longest and "<" in code) or (table and "|" in code and "\\" in code):
        return _Piece(_escaped(code, starts, table, link), letters=True)
    ticks = "`" * (longest + 1)
    if code.startswith("`") or code.endswith("`") or (code.strip(" ") and code[0] == code[-1] == " "):
        code = f" {code} "
    return _Piece(ticks + (code.replace("|", "\\|") if table else code) + ticks)


def _escaped(text: str, starts: bool, table: bool, link: bool) -> str:
    lines = _BREAKS.sub("\n", text).split("\n")
    return "\n".join(_line(line, starts or number > 0, table, link) for number, line in enumerate(lines))


def _line(line: str, starts: bool, table: bool, link: bool) -> str:
    begun = ""
    if starts:
        line = line.lstrip(" \t")
        if found := _BEGINS.match(line):
            # The sign that begins a block; of a number in a list it is the one behind it.
            end = found.end() + found[0].isdigit()
            begun, line = found[0][: end - 1] + entity(line[end - 1]), line[end:]
    line = _SIGNS.sub(lambda found: entity(found[0]), line)
    if table:
        line = line.replace("|", entity("|"))
    return begun + (line.replace("[", entity("[")) if link else line)


def _flank(pieces: list[_Piece], strict: bool) -> None:
    """See to it that marks are read as such: beside a letter, and followed by punctuation, they would be text. The
    letter as an entity is punctuation. Two that touch could be one: something stands between them that is not seen.
    `strict`: where one mark stands in another, a mark between two letters could both open and close."""
    at = 0
    while at < len(pieces):
        if not pieces[at].delimiter:
            at += 1
            continue
        end, sign = at, pieces[at].text[0]
        while end + 1 < len(pieces) and pieces[end + 1].delimiter and pieces[end + 1].text[0] == sign:
            end += 1
            if pieces[end].opens and not pieces[end - 1].opens:
                pieces[end].text = entity(NOTHING) + pieces[end].text
        left = pieces[at - 1] if at else None
        right = pieces[end + 1] if end + 1 < len(pieces) else None
        before, after = (left.text[-1:] if left else ""), (right.text[:1] if right else "")
        if left and left.letters and pieces[at].opens and _mixed(before, "*" if strict else after):
            left.text = left.text[:-1] + entity(before)
            before = ";"
        if right and right.letters and not pieces[end].opens and _mixed(after, "*" if strict else before):
            right.text = entity(after) + right.text[1:]
        at = end + 1


def _mixed(letter: str, sign: str) -> bool:
    """Whether a letter stands on the one side and punctuation on the other. Symbols count as both: versions of
    CommonMark differ about them."""
    is_letter = (
        bool(letter)
        and letter not in SPACES
        and unicodedata.category(letter)[0] != "P"
        and not _ascii_sign(letter)
    )
    is_sign = bool(sign) and (unicodedata.category(sign)[0] in "PS" or _ascii_sign(sign))
    return is_letter and is_sign


def _ascii_sign(sign: str) -> bool:
    return sign.isascii() and not sign.isalnum() and sign not in SPACES
