"""What a reader who is not ours finds in Feishu's markdown: GitHub's cmark, by way of its HTML.

seen = read(text)
seen.tags        # every HTML tag that the text itself brought along; there must be none
seen.letters     # (letter, marks) of all that can be read, without white space
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

#: What cmark writes itself for what we use.
OWN = frozenset(
    "p h1 h2 h3 h4 h5 h6 em strong del code pre a ul ol li blockquote hr br table thead tbody tr th td img".split()
)
MARKS = {"strong": "strong", "em": "em", "del": "s", "a": "link", "code": "code"}


@dataclass
class SeenTable:
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Seen:
    letters: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    pictures: int = 0
    code: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tables: list[SeenTable] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    items: int = 0
    quotes: int = 0

    @property
    def text(self) -> str:
        return "".join(letter for letter, _ in self.letters)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        seen = self.seen
        if tag not in OWN:
            seen.tags.append(tag)
            return
        if tag == "img":
            seen.pictures += 1
        if tag in ("img", "br", "hr"):
            return
        self._open.append(tag)
        if tag == "a":
            seen.links.append(str(dict(attrs).get("href") or ""))
        elif tag == "pre":
            seen.code.append("")
        elif tag == "table":
            seen.tables.append(SeenTable())
        elif tag == "tr" and "tbody" in self._open:
            seen.tables[-1].rows.append([])
        elif tag == "th":
            seen.tables[-1].head.append("")
        elif tag == "td":
            seen.tables[-1].rows[-1].append("")
        elif tag[0] == "h":
            seen.headings.append(tag)
        seen.items += tag == "li"
        seen.quotes += tag == "blockquote"

    def handle_endtag(self, tag: str) -> None:
        if tag in OWN and tag not in ("img", "br", "hr"):
            assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        seen = self.seen
        marks = frozenset(
            MARKS[tag] for tag in self._open if tag in MARKS and not (tag == "code" and "pre" in self._open)
        )
        if "pre" in self._open:
            seen.code[-1] += data
            marks = frozenset({"pre"})
        if "th" in self._open:
            seen.tables[-1].head[-1] += data
        if "td" in self._open:
            seen.tables[-1].rows[-1][-1] += data
        seen.letters += [(letter, marks) for letter in data if not letter.isspace()]

    def handle_comment(self, data: str) -> None:
        self.seen.tags.append("!--")

    def handle_decl(self, decl: str) -> None:
        self.seen.tags.append("!")

    def handle_pi(self, data: str) -> None:
        self.seen.tags.append("?")

    def unknown_decl(self, data: str) -> None:
        self.seen.tags.append("![")


def read(text: str) -> Seen:
    """Read markdown as GitHub does, with its tables; HTML in it is passed on, so that it is seen."""
    html = cmarkgfm.markdown_to_html_with_extensions(
        text, options=Options.CMARK_OPT_UNSAFE, extensions=["table", "strikethrough"]
    )
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.seen
