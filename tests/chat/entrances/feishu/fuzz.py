"""Random texts through the writer of Feishu's markdown, read by GitHub's cmark: no tag, no picture, nothing lost.

    python -m tests.chat.entrances.feishu.fuzz --texts 100000 [--seed 1]      (make feishu-fuzz)

Each text comes from a seed of its own, which is printed when the text breaks a rule.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator

from chat.entrances.feishu import markdown_blocks as blocks
from chat.entrances.feishu.markdown import MAX_BYTES, MAX_TABLES, mapped, pieces
from chat.entrances.feishu.markdown_blocks import Block, Code, Item, Paragraph, Table
from chat.entrances.feishu.markdown_runs import Runs
from chat.entrances.feishu.markdown_write import NOTHING
from tests.support.feishu_reader import Seen, read

TAGS = [
    "<at id=all></at>",
    '<at id="ou_1">x</at>',
    "<font color='red'>",
    "</font>",
    "<link url='http://a.b'>",
    "<br>",
    "<!-- -->",
]
SIGNS = [
    *"`*_~<>[]()!#|\\&;:-+=.\"'$",
    "``",
    "```",
    "~~~",
    "**",
    "***",
    "~~",
    "&lt;",
    "&#60;",
    "&#10;",
    "&copy;",
    "](",
    "![",
    "]: ",
]
WORDS = [
    "a",
    "word",
    "42",
    "snake_case",
    "x<y",
    "中文",
    "“引号”",
    "，",
    "。",
    "é",
    "😀",
    "€",
    "C:\\dir",
    "https://a.b/c_d~e(f)?g=1&copy;h",
    "\u00a0",
    "\u2028",
]
WHOLE = [
    "[text](https://a.b/c)",
    "![pic](http://a.b/p.png)",
    "![ref][r]",
    "[r]",
    "[x](javascript:alert(1))",
    "<https://a.b>",
    "**bold**",
    "*em*",
    "***both***",
    "`code`",
    "`a<b`",
    "`` a ` <at id=all></at> ``",
    "**“引号”**",
    '[**b** `c`](https://a.b "t")',
]
BEGINS = [
    "",
    "",
    "",
    "- ",
    "* ",
    "1. ",
    "7) ",
    "> ",
    ">> ",
    "# ",
    "### ",
    "    ",
    "  ",
    "\t",
    "| ",
    "- - ",
    "1. > ",
    "10. ",
]
BLOCKS = [
    "```py\nif a<b: <at id=all></at>\n```",
    "```a`b\n<at id=all></at>\n```",
    "~~~ x`y\n<at>\n~~~",
    "````\n```\n<at>\n```\n````",
    "```",
    "    <at id=all></at>",
    "- x\n\n      a<b\n",
    "- ```\n  a<b\n  ```",
    "| a | b |\n|---|:-:|\n| 1 | `x\\|y` |\n| <at id=all></at> | 2 |",
    "a | b\n--- | ---\n1 | 2",
    "[r]: https://r.s/t 'u'",
    "---",
    "***",
    "Title\n===",
    "<div>\n<at id=all></at>\n</div>",
    "> q\nlazy\n- l\nlazy",
]


def sentence(rng: random.Random) -> str:
    kinds = rng.choices((WORDS, SIGNS, WHOLE, TAGS), (5, rng.choice((0, 2, 8)), 2, 1), k=rng.randint(1, 9))
    return "".join(rng.choice(kind) + rng.choice(("", " ", " ")) for kind in kinds)


def text_of(rng: random.Random) -> str:
    """A text that somebody might write to do harm, or a model by accident."""
    lines: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 13))):
        what = rng.random()
        if what < 0.25:
            block = rng.choice(BLOCKS)
            begin = rng.choice(BEGINS) if rng.random() < 0.4 else ""
            lines.append("\n".join(begin + line for line in block.split("\n")))
        else:
            lines.append(rng.choice(BEGINS) + sentence(rng))
        if rng.random() < 0.4:
            lines.append("")
    if rng.random() < 0.05:
        lines *= rng.randint(2, 40)
    return "\n".join(lines)


def letters_of(runs: Runs) -> Iterator[tuple[str, frozenset[str]]]:
    for run in runs:
        marks = {mark.kind for mark in run.marks} | ({"code"} if run.code else set())
        yield from ((letter, frozenset(marks)) for letter in run.text if not letter.isspace())


def expected(found: Iterable[Block]) -> list[tuple[str, frozenset[str]]]:
    """What the tree says that can be read."""
    letters: list[tuple[str, frozenset[str]]] = []
    for block in found:
        match block.leaf:
            case Paragraph(runs, _):
                letters += letters_of(runs)
            case Code(text, _):
                letters += [(letter, frozenset({"pre"})) for letter in text if not letter.isspace()]
            case Table(head, _, rows):
                for row in (head, *rows):
                    for cell in row:
                        letters += letters_of(cell)
    return letters


def without_code(letters: list[tuple[str, frozenset[str]]]) -> list[tuple[str, frozenset[str]]]:
    """Code that is shown as text for safety's sake is as good."""
    return [(letter, marks - {"code"}) for letter, marks in letters if letter != NOTHING]


def check_piece(text: str, most: int) -> Seen:
    seen = read(text)
    assert not seen.tags, f"a live tag: {seen.tags}"
    assert not seen.pictures, "a picture"
    assert len(text.encode()) <= most, f"{len(text.encode())} bytes"
    assert len(seen.tables) <= MAX_TABLES, f"{len(seen.tables)} tables"
    return seen


def check(text: str, most: int) -> None:
    """Write `text` and read it. AssertionError says what is wrong."""
    found = blocks.read(text)
    wanted = without_code(expected(found))
    one = check_piece(mapped(text), 10**9)
    tables = [block.leaf for block in found if isinstance(block.leaf, Table)]
    code = [block.leaf.text for block in found if isinstance(block.leaf, Code)]
    heads = ["".join(letter for cell in table.head for letter, _ in letters_of(cell)) for table in tables]
    if len(tables) <= MAX_TABLES:
        assert without_code(one.letters) == wanted, f"read differently: {difference(one, wanted)}"
        assert [lines_of(each) for each in one.code] == [lines_of(f"{each}\n") for each in code], (
            f"code: {one.code} for {code}"
        )
        assert ["".join("".join(each.head).split()) for each in one.tables] == heads, "heads of tables"
        assert [len(each.rows) for each in one.tables] == [len(table.rows) for table in tables], (
            "rows of tables"
        )
        wanted_items = {id(one) for block in found for one in block.path if isinstance(one, Item)}
        assert one.items == len(wanted_items), f"{one.items} items for {len(wanted_items)}"
    cut = pieces(text, most)
    seen = [check_piece(each, most) for each in cut]
    for each in seen:
        assert all("".join("".join(table.head).split()) in heads for table in each.tables), (
            "a table without its head"
        )
    if not tables:
        letters = without_code([letter for each in seen for letter in each.letters])
        assert [letter for letter, _ in letters] == [letter for letter, _ in wanted], "lost at a cut"
    for shown in pieces(text):
        # A card has 30 KB, this text in it as JSON within JSON.
        assert (
            len(json.dumps(shown, ensure_ascii=False).encode()) < 29_000 and len(shown.encode()) <= MAX_BYTES
        )


def lines_of(code: str) -> list[str]:
    return [line.rstrip() for line in code.removesuffix("\n").split("\n")]


def difference(seen: Seen, wanted: list[tuple[str, frozenset[str]]]) -> str:
    got = without_code(seen.letters)
    at = next(
        (at for at, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted))
    )
    return f"at {at}: {got[max(0, at - 5) : at + 5]} for {wanted[max(0, at - 5) : at + 5]}"


def round_of(seed: int) -> None:
    """One text. AssertionError names the seed and the text."""
    rng = random.Random(seed)
    text = text_of(rng)
    most = rng.choice((300, 1_000, 9_000))
    try:
        check(text, most)
    except Exception as problem:
        raise AssertionError(f"seed {seed}: {problem}\n{text!r}\n-> {mapped(text)!r}") from problem


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--go-on", action="store_true", help="report all, do not end with the first")
    wanted = parser.parse_args()
    print(f"{wanted.texts:,} texts from seed {wanted.seed} on", flush=True)
    begun, broken = time.monotonic(), 0
    for seed in range(wanted.seed, wanted.seed + wanted.texts):
        try:
            round_of(seed)
        except AssertionError as problem:
            print(problem, flush=True)
            broken += 1
            if not wanted.go_on:
                return 1
    print(f"{wanted.texts:,} texts: {broken} broken, {time.monotonic() - begun:.0f} s")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
