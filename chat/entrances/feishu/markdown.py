"""An answer's markdown as Feishu shows it: mapped, harmless, and cut into messages. Pure.

Feishu's cards know bold, italics, links, lists, quotes, code, tables and headings. HTML-like text would be read as
its own tags (<at>, <font>, …), so a model could ring everybody's bell with it: outside code its angle brackets are
replaced. Images would need to be uploaded; they become links.
"""

import re

#: Bytes of one message's text. A card may have 30 KB of JSON, in which a line break is two bytes and a quote as well.
MAX_BYTES = 9_000
FENCE = re.compile(r"^ {0,3}(```+|~~~+)(.*)$")
IMAGE = re.compile(r"!\[([^\]\n]*)\]\(([^)\s]+)[^)\n]*\)")
#: Invisible, and six bytes each in JSON.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: Tables that one card shows; more are an error there.
MAX_TABLES = 5


def mapped(text: str) -> str:
    """`text` in Feishu's markdown."""
    lines, fence, tables, in_table = [], "", 0, False
    for line in CONTROLS.sub("", text.replace("\r\n", "\n")).split("\n"):
        found = FENCE.match(line)
        if fence:
            lines.append(line)
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            continue
        if found:
            fence = found[1]
            lines.append(line)
            continue
        is_table = line.lstrip().startswith("|")
        if is_table and not in_table:
            tables += 1
        in_table = is_table
        plain = _plain(line)
        lines.append(plain.replace("|", "¦") if is_table and tables > MAX_TABLES else plain)
    if fence:
        lines.append(fence)
    return "\n".join(lines)


def _plain(line: str) -> str:
    line = IMAGE.sub(lambda found: f"[{found[1] or 'image'}]({found[2]})", line)
    quote = re.match(r"^[>\s]*", line)
    start = quote.end() if quote else 0
    parts = re.split(r"(`+[^`]*`+)", line[start:])
    cleaned = [part if part.startswith("`") else part.replace("<", "&#60;") for part in parts]
    return line[:start] + "".join(cleaned)


def pieces(text: str, most: int = MAX_BYTES) -> list[str]:
    """`text` cut into pieces of at most `most` bytes, between paragraphs where there are any, code fences closed and
    opened again. Nothing but white space at the cuts is lost."""
    done: list[str] = []
    held: list[str] = []
    size, fence = 0, ""
    for line in _short_lines(text, most // 2):
        length = len(line.encode()) + 1
        if held and size + length + len(fence) + 1 > most:
            cut = _cut(held) if not fence else len(held)
            rest = held[cut:]
            done.append("\n".join(held[:cut] + ([_closing(fence)] if fence else [])).strip("\n"))
            held = [fence, *rest] if fence else rest
            size = sum(len(one.encode()) + 1 for one in held)
        held.append(line)
        size += length
        found = FENCE.match(line)
        if found:
            if not fence:
                fence = line.strip()
            elif found[1].startswith(_closing(fence)) and not found[2].strip():
                fence = ""
    done.append("\n".join(held).strip("\n"))
    return [piece for piece in done if piece.strip()]


def _closing(fence: str) -> str:
    return fence[: len(fence) - len(fence.lstrip("`~"))]


def _cut(lines: list[str]) -> int:
    """Where to cut: after the last empty line of the second half, or after all."""
    for at in range(len(lines) - 1, len(lines) // 2, -1):
        if not lines[at].strip():
            return at
    return len(lines)


def _short_lines(text: str, most: int) -> list[str]:
    """The lines, those beyond `most` bytes cut between characters."""
    lines: list[str] = []
    for line in text.split("\n"):
        while len(line.encode()) > most:
            head = line.encode()[:most].decode(errors="ignore")
            lines.append(head)
            line = line[len(head) :]
        lines.append(line)
    return lines
