"""An answer's blocks: paragraphs, code, tables, and the quotes and list items that they stand in, from a CommonMark
parser's tree. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from chat.entrances.feishu import markdown_runs
from chat.entrances.feishu.markdown_cjk import CjkInline
from chat.entrances.feishu.markdown_runs import SPACES, Run, Runs, plain
from chat.entrances.feishu.markdown_write import MAX_TICKS

#: How deep quotes and lists are shown; what lies deeper is shown at this depth.
MAX_DEPTH = 6
#: How deep the parser looks. What is deeper than that is no answer of a model, and is shown as it is.
MAX_NESTING = 60
#: Brackets with which the parser takes a second or so: its time grows with their square.
MAX_BRACKETS = 8_000
#: Invisible, and six bytes each in JSON.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEWLINES = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_INFO = re.compile(r"[\w+#.-]{1,30}")

#: HTML is text here: no tag of a model's is one of Feishu's.
PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
PARSER.inline = CjkInline()
PARSER.configure("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


@dataclass(frozen=True)
class Paragraph:
    """`level`: of a heading, 0 for none."""

    runs: Runs
    level: int = 0


@dataclass(frozen=True)
class Code:
    text: str
    info: str = ""


@dataclass(frozen=True)
class Table:
    """`aligned`: as in the row below the head (`---`, `:-:`, …)."""

    head: tuple[Runs, ...]
    aligned: tuple[str, ...]
    rows: tuple[tuple[Runs, ...], ...]


@dataclass(frozen=True)
class Rule:
    pass


Leaf = Paragraph | Code | Table | Rule


@dataclass(eq=False)
class Quote:
    pass


@dataclass(eq=False)
class Item:
    """A list's item. `list`: the list that it is of; `whole`: the width of its marker is for one block only."""

    marker: str
    list: object
    tight: bool
    blocks: int = 1
    #: Whether its marker was written: what follows in another message goes on without it.
    started: bool = field(default=False)

    @property
    def width(self) -> int:
        """Columns of the marker. Feishu wants four for a level."""
        return len(self.marker) + 1 if self.blocks == 1 else max(4, len(self.marker) + 1)


Path = tuple[Quote | Item, ...]


@dataclass(frozen=True)
class Block:
    """A leaf, and what it stands in, outermost first."""

    path: Path
    leaf: Leaf


def clean(text: str) -> str:
    """`text` with one kind of line break, without what no reader shows and no database keeps."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return CONTROLS.sub("", _NEWLINES.sub("\n", whole))


def read(text: str) -> list[Block]:
    """The blocks of an answer. What the parser cannot bear, or finds nothing in, is shown as it is."""
    text = clean(text)
    found: list[Block] = []
    if text.count("[") <= MAX_BRACKETS:
        tokens = PARSER.parse(text)
        if not any(token.level >= MAX_NESTING - 2 for token in tokens):
            found = list(_blocks(SyntaxTreeNode(tokens).children, ()))
    return found or [Block((), leaf) for leaf in as_text(text)]


def as_text(text: str) -> Iterator[Paragraph]:
    """Text that is shown as it is."""
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.strip():
            yield Paragraph((Run(paragraph),))


def rows_as_text(table: Table) -> list[Paragraph]:
    """A table that cannot be one: a paragraph for each row."""
    between = Run(" | ")
    rows = (table.head, *table.rows)
    return [Paragraph(tuple(run for cell in row for run in (*cell, between))[:-1]) for row in rows if row]


def rows_as_code(table: Table) -> Code:
    """A table that would be one too many."""
    rows = [[plain(cell).replace("\n", " ") for cell in row] for row in (table.head, *table.rows)]
    lines = [" | ".join(row) for row in rows]
    return Code("\n".join([lines[0], "-" * min(len(lines[0]), 40), *lines[1:]]))


def _blocks(nodes: Sequence[SyntaxTreeNode], path: Path) -> Iterator[Block]:
    before = ""
    for node in nodes:
        flipped = False
        if node.type in ("bullet_list", "ordered_list"):
            # Two lists that follow each other would be one.
            flipped = before == node.type
            yield from _list(node, path, flipped)
        else:
            yield from _block(node, path)
        before = "" if flipped else node.type


def _block(node: SyntaxTreeNode, path: Path) -> Iterator[Block]:
    match node.type:
        case "blockquote":
            yield from _blocks(node.children, _deeper(path, Quote()))
        case "heading" | "paragraph":
            runs = _runs(node)
            level = int(node.tag[1:]) if node.type == "heading" else 0
            if plain(runs).strip(SPACES):
                yield Block(path, Paragraph(runs, level))
        case "fence" | "code_block":
            found = _INFO.match(node.info.strip()) if node.type == "fence" else None
            code = node.content.removesuffix("\n")
            if len(max(re.findall("`+", code), key=len, default="")) < MAX_TICKS:
                yield Block(path, Code(code, found[0] if found else ""))
            else:
                yield from (Block(path, leaf) for leaf in as_text(code))
        case "table":
            yield Block(path, _table(node))
        case "hr":
            if not any(isinstance(one, Item) for one in path):
                yield Block(path, Rule())


def _list(node: SyntaxTreeNode, path: Path, flipped: bool) -> Iterator[Block]:
    number = int(node.attrs.get("start", 1))
    tight = all(
        child.hidden for item in node.children for child in item.children if child.type == "paragraph"
    )
    for offset, each in enumerate(node.children):
        if node.type == "ordered_list":
            marker = f"{number + offset}{')' if flipped else '.'}"
        else:
            marker = "*" if flipped else "-"
        item = Item(marker, node, tight)
        blocks = list(_blocks(each.children, _deeper(path, item)))
        item.blocks = len(blocks)
        yield from blocks


def _deeper(path: Path, one: Quote | Item) -> Path:
    return (*path, one) if len(path) < MAX_DEPTH else (*path[:-1], one)


def _table(node: SyntaxTreeNode) -> Table:
    rows = [row for part in node.children for row in part.children]
    cells = [tuple(_runs(cell) for cell in row.children) for row in rows]
    styles = [str(cell.attrs.get("style") or "") for cell in rows[0].children]
    marks = {"left": ":--", "center": ":-:", "right": "--:"}
    aligned = tuple(marks.get(style.removeprefix("text-align:"), "---") for style in styles)
    return Table(cells[0], aligned, tuple(cells[1:]))


def _runs(node: SyntaxTreeNode) -> Runs:
    """The runs of a node that holds text."""
    tokens: list[Token] = [
        token
        for child in node.children
        if child.type == "inline" and child.token is not None
        for token in child.token.children or []
    ]
    return markdown_runs.read(tokens)
