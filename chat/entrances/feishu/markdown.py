"""An answer's markdown as Feishu shows it: mapped, harmless, and cut into messages. Pure.

    text ─► CommonMark parser (markdown-it-py) ─► blocks ─► written anew, in messages of at most so many bytes
                                                  markdown_blocks.py, _runs.py, _write.py

Feishu's cards know bold, italics, links, lists, quotes, code, tables and headings. Tags (<at>, <font>, …) would be
obeyed, so a model could ring everybody's bell: nothing of the source is passed on as it is, and what is text is written
so that it stays text. Pictures would need to be uploaded; they become links. A cut goes between blocks, else between
the items of a list, lines of code, rows of a table (which gets its head again) or words; never through a link.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from chat.entrances.feishu import markdown_blocks as blocks
from chat.entrances.feishu import markdown_runs
from chat.entrances.feishu.markdown_blocks import Block, Code, Item, Leaf, Paragraph, Path, Quote, Rule, Table
from chat.entrances.feishu.markdown_runs import Run, Runs, joined
from chat.entrances.feishu.markdown_write import write

#: Bytes of one message's text. A card may have 30 KB of JSON, in which a line break is two bytes and a quote as well.
MAX_BYTES = 9_000
#: Tables that one element of a card shows; with more the card is refused.
MAX_TABLES = 4


def mapped(text: str) -> str:
    """`text` in Feishu's markdown, for one element: tables beyond those that it may have are shown as code."""
    piece = _Piece()
    for block in blocks.read(text):
        if isinstance(block.leaf, Table) and piece.tables == MAX_TABLES:
            block = replace(block, leaf=blocks.rows_as_code(block.leaf))
        piece.add(block)
    return piece.text


@lru_cache(maxsize=64)
def element(text: str) -> str:
    """`text` as one element of a card, of at most MAX_BYTES: what is too much is left out. Remembered, for a card is
    drawn much more often than its text changes."""
    shown = mapped(text)
    return shown if len(shown.encode()) <= MAX_BYTES else pieces(text)[0]


def plain(text: str) -> str:
    """What `text` says without any markup, for a message that may have none."""
    found: list[str] = []
    for block in blocks.read(text):
        match block.leaf:
            case Paragraph(runs, _):
                said = markdown_runs.with_addresses(runs)
            case Code(code, _):
                said = code
            case Table():
                said = "\n".join(row.strip() for row in blocks.rows_as_code(block.leaf).text.split("\n"))
            case Rule():
                said = "---"
        item = next((one for one in reversed(block.path) if isinstance(one, Item)), None)
        if item is not None and not item.started:
            item.started, said = True, f"{item.marker} {said}"
        found.append(said.strip("\n"))
    return "\n\n".join(found)


def pieces(text: str, most: int = MAX_BYTES) -> list[str]:
    """`text` in Feishu's markdown, in pieces of at most `most` bytes (200 or more) and MAX_TABLES tables. Nothing but
    white space at the cuts is lost."""
    done: list[str] = []
    piece = _Piece()
    todo = deque(blocks.read(text))
    while todo:
        block = todo.popleft()
        full = isinstance(block.leaf, Table) and piece.tables == MAX_TABLES
        long = _weight(block.leaf) > 2 * most
        if not full and not long and piece.size_with(block) <= most:
            piece.add(block)
            continue
        parts: list[Leaf] = []
        if (
            not full
            and (piece.size <= most // 2 or not piece.text)
            and (long or _Piece().size_with(block) > most)
        ):
            parts = _halves(block.leaf, most, partial(_fits, piece, block, most))
        if not parts and not piece.text:
            parts = _forced(block.leaf)
        if parts:
            todo.extendleft(replace(block, leaf=part) for part in reversed(parts))
        else:
            if piece.text:
                todo.appendleft(block)
            done.append(piece.text)
            piece = _Piece()
    return [one for one in (*done, piece.text) if one]


@dataclass
class _Piece:
    """One message on its way. `open`: what the last block stood in, each with the beginning of its further lines."""

    text: str = ""
    size: int = 0
    tables: int = 0
    open: list[tuple[Quote | Item, str]] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Write a block."""
        path = self._path(block.path)
        addition, self.open = self._written(block, path)
        for one in path:
            if isinstance(one, Item):
                one.started = True
        self.text += addition
        self.size += len(addition.encode())
        self.tables += isinstance(block.leaf, Table)

    def size_with(self, block: Block) -> int:
        """Bytes if the block were written, too."""
        return self.size + len(self._written(block, self._path(block.path))[0].encode())

    def _path(self, path: Path) -> Path:
        """What is left of a block's path here: an item that began in another message does not begin again."""
        shared = self._shared(path)
        return (*path[:shared], *(one for one in path[shared:] if isinstance(one, Quote) or not one.started))

    def _shared(self, path: Path) -> int:
        shared = 0
        while shared < min(len(path), len(self.open)) and self.open[shared][0] is path[shared]:
            shared += 1
        return shared

    def _written(self, block: Block, path: Path) -> tuple[str, list[tuple[Quote | Item, str]]]:
        shared = self._shared(path)
        opened = self.open[:shared]
        kept = "".join(prefix for _, prefix in opened)
        first = further = kept
        for one in path[shared:]:
            begin, go_on = (
                ("> ", "> ") if isinstance(one, Quote) else (one.marker.ljust(one.width), " " * one.width)
            )
            first, further = first + begin, further + go_on
            opened = [*opened, (one, go_on)]
        lines = _lines(block.leaf)
        text = "\n".join(
            [first + lines[0], *((further + line if line else further.rstrip()) for line in lines[1:])]
        )
        if not self.text:
            return text, opened
        if self._close(path, shared):
            return f"\n{text}", opened
        return f"\n{kept.rstrip()}\n{text}", opened

    def _close(self, path: Path, shared: int) -> bool:
        """Whether a block follows the last one without an empty line: items of a tight list."""
        new = path[shared] if shared < len(path) else None
        if not isinstance(new, Item) or not new.tight:
            return False
        last = self.open[shared][0] if shared < len(self.open) else None
        if last is None:
            return shared > 0 and new.marker in ("-", "1.")  # others do not end a paragraph
        return isinstance(last, Item) and last.list is new.list


def _lines(leaf: Leaf) -> list[str]:
    match leaf:
        case Paragraph(runs, level):
            text = write(runs, heading=level > 0)
            return [f"{'#' * level} {text}"] if level else text.split("\n")
        case Code(text, info):
            fence = "`" * max(3, 1 + max((len(found) for found in re.findall("`+", text)), default=0))
            return [fence + info, *text.split("\n"), fence]
        case Table(head, aligned, rows):
            return [_row(head), f"| {' | '.join(aligned)} |", *(_row(row) for row in rows)]
        case Rule():
            return ["---"]


def _row(cells: tuple[Runs, ...]) -> str:
    return f"| {' | '.join(write(cell, table=True) for cell in cells)} |"


# ---- cutting a block that is too long for one message ----


def _weight(leaf: Leaf) -> int:
    """Letters of a block, some more or less: writing it to see that it is far too long takes time."""
    match leaf:
        case Paragraph(runs, _):
            return sum(len(run.text) for run in runs)
        case Code(text, _):
            return len(text)
        case Table(head, _, rows):
            return sum(len(run.text) for row in (head, *rows) for cell in row for run in cell)
    return 0


def _fits(piece: _Piece, block: Block, most: int, leaf: Leaf) -> bool:
    return piece.size_with(replace(block, leaf=leaf)) <= most


def _halves(leaf: Leaf, most: int, fits: Callable[[Leaf], bool]) -> list[Leaf]:
    """A block in two or more, of which the first fits; empty if not even its smallest part does."""
    match leaf:
        case Table(head, aligned, rows):
            count = _count(len(rows), lambda count: fits(Table(head, aligned, rows[:count])))
            if count:
                return [Table(head, aligned, rows[:count]), Table(head, aligned, rows[count:])]
            return []
        case Code(text, info):
            lines = text.split("\n")
            count = _count(len(lines), lambda count: fits(Code("\n".join(lines[:count]), info)))
            if count:
                return [Code("\n".join(lines[:count]), info), Code("\n".join(lines[count:]), info)]
            count = _count(len(lines[0]), lambda count: fits(Code(lines[0][:count], info)))
            if count:
                return [Code(text[:count], info), Code(text[count:], info)]
            return []
        case Paragraph(runs, level):
            near, far = markdown_runs.split(runs, most + 1)
            for cut in (markdown_runs.units, markdown_runs.letters):
                parts = cut(near)
                if count := _words(parts, level, fits):
                    rest = joined((*parts[count:], *far))
                    return [Paragraph(tuple(joined(parts[:count])), level), Paragraph(tuple(rest))]
    return []


def _words(parts: list[Run], level: int, fits: Callable[[Leaf], bool]) -> int:
    """How many parts of a paragraph fit: rather to the end of a line than to the middle of one."""
    count = _count(len(parts), lambda count: fits(Paragraph(tuple(joined(parts[:count])), level)))
    ends = [at + 1 for at in range(count // 2, count) if parts[at].text.endswith("\n")]
    return ends[-1] if ends and count < len(parts) else count


def _forced(leaf: Leaf) -> list[Leaf]:
    """A block of which not even the smallest part fits into a message of its own, in some other shape."""
    match leaf:
        case Table(head, aligned, rows) if len(rows) > 1 and _is_wide(rows[0], head):
            return [*blocks.rows_as_text(Table((), (), rows[:1])), Table(head, aligned, rows[1:])]
        case Table():
            return [*blocks.rows_as_text(leaf)]
        case Code(text, _):
            return [*blocks.as_text(text)]
        case Paragraph(runs, _):
            return [Paragraph((Run(markdown_runs.plain(runs)),))] if len(runs) > 1 or runs[0].marks else []
    return []


def _is_wide(row: tuple[Runs, ...], head: tuple[Runs, ...]) -> bool:
    """Whether it is this row that makes a table too wide, and not its head."""
    return sum(len(markdown_runs.plain(cell)) for cell in row) > sum(
        len(markdown_runs.plain(cell)) for cell in head
    )


def _count(most: int, fits: Callable[[int], bool]) -> int:
    """The largest count up to `most` that fits; 0: none does."""
    low, high = 0, 1
    while high < most and fits(high):
        low, high = high, high * 2
    high = min(high, most + 1) if high <= most else most + 1
    if high == most and fits(most):
        return most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
