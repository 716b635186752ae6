"""HTML as text that a model can read: headings, lists, links, table rows; no scripts, no styling.

One pass with `str.find`, written for pages whose author means harm: each character is looked at a bounded
number of times, whatever is nested or left open. Tree builders are not like that: 1.5 MB of nested `<div>`
kept a fast C parser busy for minutes.
"""

import html
import re
from urllib.parse import urljoin, urlsplit

_BLOCKS = frozenset(
    "address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hr main nav ol p pre section summary table tbody tfoot thead title tr ul".split()
)
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
#: Elements whose content is not text for readers. Up to their end tag nothing is markup, or it is left out.
_RAW = frozenset({"script", "style", "iframe", "noscript", "template", "svg", "math", "object", "noembed"})

_TAG_NAME = re.compile(r"/?[a-zA-Z][^\s/>]*")
#: The end of a tag, or the start of a quoted value, in which `>` has no meaning.
_IN_TAG = re.compile(r">|=[ \t\r\n\f]*([\"'])")
_HREF = re.compile(r"(?:^|\s)href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def readable(source: str, address: str) -> str:
    """The text of a page. `address` is where it was found: links are made absolute with it."""
    page = _Page(address)
    place = 0
    while place < len(source):
        start = source.find("<", place)
        if start < 0:
            page.text(source[place:])
            break
        page.text(source[place:start])
        if source.startswith("<!--", start):
            end = source.find("-->", start + 4)
            place = end + 3 if end >= 0 else len(source)
        elif source.startswith(("<!", "<?"), start):
            end = source.find(">", start)
            place = end + 1 if end >= 0 else len(source)
        elif found := _TAG_NAME.match(source, start + 1):
            end = _tag_end(source, found.end())
            name = found[0].lower()
            page.tag(name, source[found.end() : end])
            place = _raw_end(source, name, end) if name in _RAW else end + 1
        else:
            page.text("<")
            place = start + 1
    return page.finish()


def _tag_end(source: str, place: int) -> int:
    """Where the `>` of a tag is; the end of the page if it is never closed."""
    while found := _IN_TAG.search(source, place):
        if not found[1]:
            return found.start()
        place = source.find(found[1], found.end()) + 1
        if not place:
            break
    return len(source)


def _raw_end(source: str, name: str, place: int) -> int:
    """Where the end tag of an element starts that is left out with all that is in it."""
    found = re.compile(f"</{name}", re.IGNORECASE).search(source, place)
    return found.start() if found else len(source)


class _Page:
    """The text so far, and what the next piece of text needs before it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._out: list[str] = []
        self._gap = ""
        self._pre = 0
        self._link: tuple[str, int] | None = None

    def text(self, raw: str) -> None:
        """A piece of the page between two tags."""
        if not raw:
            return
        text = html.unescape(raw).replace("\N{NO-BREAK SPACE}", " ")
        if not self._pre:
            text = _SPACES.sub(" ", text)
            if text[0] == " ":
                self._gap = self._gap or " "
                text = text[1:]
        if text:
            self._put(text.rstrip(" ") if not self._pre else text)
            if not self._pre and text[-1] == " ":
                self._gap = " "

    def tag(self, name: str, attributes: str) -> None:
        """A start tag, or an end tag if the name begins with a slash."""
        bare = name.removeprefix("/")
        if bare == "a":
            self._close_link()
            if name == "a" and (href := _href(attributes, self._address)):
                self._link = (href, len(self._out))
        elif bare in _HEADINGS:
            self._break("\n\n" + _HEADINGS[bare] if name == bare else "\n\n")
        elif bare == "li":
            self._break("\n- " if name == bare else "\n")
        elif name == "br":
            self._break("\n\n" if self._gap == "\n" else "\n")
        elif name in ("td", "th") and not self._gap.startswith("\n"):
            self._break(" | ")
        elif bare == "tr":
            self._break("\n\n" if self._gap == "\n\n" else "\n")
        elif bare in _BLOCKS:
            self._break("\n\n")
        if bare == "pre":
            self._pre = 1 if name == bare else 0

    def finish(self) -> str:
        """The whole text. Nothing may be added after it."""
        self._close_link()
        text = "\n".join(line.rstrip(" ") for line in "".join(self._out).splitlines())
        return _BLANK_LINES.sub("\n\n", text).strip()

    def _break(self, gap: str) -> None:
        """What stands before the next text. A mark (`- `, `# `) stays: its text often has a block of its own."""
        if not self._gap.endswith(("- ", "# ")) or gap.endswith(("- ", "# ")):
            self._gap = gap

    def _put(self, text: str) -> None:
        gap, self._gap = self._gap, ""
        self._out.append(gap if self._out else gap.lstrip())
        if self._link and self._link[1] == len(self._out) - 1:
            self._out.append("[")
        self._out.append(text)

    def _close_link(self) -> None:
        if self._link and len(self._out) > self._link[1]:
            self._out.append(f"]({self._link[0]})")
        self._link = None


def _href(attributes: str, address: str) -> str:
    """Where a link goes, made absolute; empty for what is no web page."""
    found = _HREF.search(attributes)
    if not found:
        return ""
    try:
        target = urljoin(address, html.unescape(found[1] or found[2] or found[3] or "").strip())
        known = urlsplit(target).scheme in ("http", "https") and len(target) < 500
    except ValueError:
        return ""
    same_page = target.split("#")[0] == address.split("#")[0]
    return target.replace(" ", "%20").replace(")", "%29") if known and not same_page else ""
