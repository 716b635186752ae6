"""An answer's markdown in Feishu: harmless, whole, in messages that fit. Read by GitHub's cmark (feishu_reader.py)."""

import random
import time

import pytest

from chat.entrances.feishu import card_json
from chat.entrances.feishu.markdown import MAX_BYTES, MAX_TABLES, mapped, pieces
from tests.chat.entrances.feishu import fuzz
from tests.support.feishu_reader import read

AT = "<at id=all></at>"


def test_random_texts_have_no_live_tag_and_lose_nothing():
    seed = random.randrange(10**6)
    print(f"300 texts from seed {seed} on (python -m tests.chat.entrances.feishu.fuzz)")
    for each in range(seed, seed + 300):
        fuzz.round_of(each)


@pytest.mark.parametrize(
    "text",
    [
        AT,
        f"one ` {AT}",
        f"`` a ` {AT}",
        f"``` a `` {AT}",
        f"```a`b\n{AT}\n```",
        f"~~~\n```\n~~~\n{AT}",
        f"> ```\n{AT}",
        f"- ```\n{AT}",
        f"<div>\n{AT}\n</div>",
        f"a\n{AT}\n===",
        f"| a |\n|---|\n| ` | {AT} |\n| ` |",
        f"\\`{AT}\\`",
        f"&#60;at id=all&#62; &lt;at id=all&gt;{AT}",
        f"[{AT}](https://a.b)",
        f"![{AT}](https://a.b)",
        f"[x](https://a.b/{AT})",
        f"[r]\n\n[r]: https://a.b '{AT}'",
        f"**{AT}**~~{AT}~~",
        "<at id=all\n></at>",
        "<at\nid=all></at>",
    ],
)
def test_no_tag_of_a_model_is_obeyed(text):
    for shown in (mapped(text), *pieces(text, 200)):
        seen = read(shown)
        assert not seen.tags and not seen.pictures
    assert "<at" not in mapped(text) or read(mapped(text)).code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"```\n{AT}\n```", [AT]),
        (f"````\n```\n{AT}\n```\n````", [f"```\n{AT}\n```"]),
        ("- one\n\n      if a < b:\n", ["if a < b:"]),
        ("- ```py\n  if a < b:\n      pass\n  ```\n- x", ["if a < b:\n    pass"]),
        ("1. one\n   ```\n   a < b\n   ```\n2. two", ["a < b"]),
        ("> ```\n> a < b\n> ```", ["a < b"]),
        ("```\nopen < end", ["open < end"]),
        ("~~~ x`y\na < b\n~~~", ["a < b"]),
        ("```\n\n\ta\n\n```", ["\n\ta\n"]),
    ],
)
def test_code_stays_as_it_is_wherever_it_stands(text, code):
    assert [one.removesuffix("\n") for one in read(mapped(text)).code] == code


def test_code_in_a_line_keeps_its_signs():
    assert mapped("`a < b` and `` a`b `` and `*x*`") == "`a < b` and ``a`b`` and `*x*`"
    assert mapped("| a |\n|---|\n| `x\\|y` |") == "| a |\n| --- |\n| `x\\|y` |"


def test_a_table_without_outer_pipes_is_a_table():
    table = read(mapped("a | b\n--- | :-:\n1 | 2\n3 |")).tables[0]
    assert table.head == ["a", "b"] and table.rows == [["1", "2"], ["3", ""]]


@pytest.mark.parametrize(
    "link",
    [
        "![cat](https://a.b/c.png)",
        "![cat][x]\n\n[x]: https://a.b/c.png",
        "[![cat](http://c.d)](https://a.b/c.png)",
    ],
)
def test_pictures_are_links(link):
    assert mapped(link) == "[cat](https://a.b/c.png)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[x](javascript:alert(1))", "[x&#93;(javascript:alert(1))"),
        ("[me](mailto:a@b.c)", "me (a@b.c)"),
        ("[a@b.c](mailto:a@b.c)", "a@b.c"),
        ("[part](#part)", "part"),
        ("[file](./a.txt)", "file (./a.txt)"),
        ("![pic](data:image/png;base64,AA)", "pic"),
        ("Wow!\\[x](https://a.b)", "Wow!"),
        (
            "see https://a.b/c_d_e, and (http://x.y/z).",
            "[https://a.b/c_d_e](https://a.b/c_d_e), and ([http://x.y/z](http://x.y/z)).",
        ),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("中文**“引号”**中文", "中&#25991;**“引号”**&#20013;文"),
        ("中文**粗体**中文", "中文**粗体**中文"),
        ("_é_**“引号”**", "*é*&#8203;**“引号”**"),
        ("C:\\dir 2 * 3 snake_case AT&T", "C:&#92;dir 2 &#42; 3 snake_case AT&T"),
        ("\ud800x\u2028y\x00", "\ufffdx\ny"),
    ],
)
def test_what_is_written(text, shown):
    assert shown in mapped(text)


@pytest.mark.parametrize(
    "text",
    [
        "\\- a",
        "\\# a",
        "1\\. a",
        "a\n\\===",
        "\\> a",
        "\\| a |\n\\|---|",
        "&#45; a",
        "&#10;&#35; a",
        "\\*a\\*",
        "a&#10;&#10;    b",
        "<br>\u00a0 - a",
    ],
)
def test_text_becomes_no_block(text):
    seen = read(mapped(text))
    assert not (seen.items or seen.headings or seen.quotes or seen.tables or seen.code) and {
        m for _, m in seen.letters
    } == {frozenset()}


def test_an_element_has_no_more_tables_than_feishu_takes_and_a_message_neither():
    text = "\n\n".join(f"| t{number} |\n|---|\n| {number} |" for number in range(10))
    shown = read(mapped(text))
    assert len(shown.tables) == MAX_TABLES and len(shown.code) == 6 and "t9" in shown.text
    cut = [read(piece) for piece in pieces(text)]
    assert [len(piece.tables) for piece in cut] == [4, 4, 2] and not any(piece.code for piece in cut)


def test_a_long_table_has_its_head_in_every_message():
    rows = [f"| {number} | {'word ' * 10} |" for number in range(500)]
    cut = pieces("\n".join(["| no | **words** |", "|--|:-:|", *rows]))
    tables = [table for piece in cut for table in read(piece).tables]
    assert len(cut) == len(tables) > 3 and all(table.head == ["no", "words"] for table in tables)
    assert [row[0] for table in tables for row in table.rows] == [str(number) for number in range(500)]


def test_a_cut_goes_through_no_link_and_no_emphasis():
    text = "Some **bold words** and [a link](https://a.b/c?d=e) here. " * 200
    seen = [read(piece) for piece in pieces(text, 300)]
    assert [link for one in seen for link in one.links] == ["https://a.b/c?d=e"] * 200
    whole = read(mapped(text))
    assert [letter for one in seen for letter in one.letters] == whole.letters


def test_long_code_is_code_in_every_message():
    lines = [f"line {number} < {number + 1}" for number in range(2_000)]
    cut = [
        read(piece)
        for piece in pieces(
            "Look:\n\n- here\n\n  ```py\n" + "\n".join(f"  {line}" for line in lines) + "\n  ```"
        )
    ]
    assert len(cut) > 3 and "".join(code for one in cut for code in one.code).split("\n")[:-1] == lines


def test_a_list_that_is_cut_goes_on_as_a_list():
    text = "\n".join(f"{number}. item {number}\n   - {'below ' * 20}" for number in range(1, 60))
    cut = pieces(text, 1_000)
    assert (
        len(cut) > 5
        and sum(read(piece).items for piece in cut) == 118
        and not any(read(piece).code for piece in cut)
    )


@pytest.mark.parametrize(
    "sign",
    ['"', "\\", "字", "\n", "\x00", "<", "`", "*", "|", "[", "](", "> ", "- ", "&", "😀", "https://a.b/"],
)
def test_a_message_fits_whatever_it_is_made_of(sign):
    for piece in pieces(sign * 20_000):
        assert len(piece.encode()) <= MAX_BYTES and len(card_json.message(piece).encode()) < 30_000


@pytest.mark.parametrize(
    "text",
    [
        "x" * 30_000,
        "[x](https://a.b/" + "y" * 3_000 + ")",
        "| a |\n|---|\n| " + "wide " * 9_000 + "|",
        "| " + "wide " * 9_000 + "|\n|---|\n| 1 |",
        "```\n" + "`" * 20_000 + "\n",
        "```\n" + "x" * 30_000,
    ],
)
def test_what_has_no_place_to_be_cut_is_cut_all_the_same(text):
    cut = pieces(text)
    assert cut and all(len(piece.encode()) <= MAX_BYTES for piece in cut)
    letters = "".join(letter for letter in text if letter.isalnum())
    assert letters[-50:] in "".join(
        letter for piece in cut for letter in read(piece).text if letter.isalnum()
    )


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        "`" * 5_000,
        "*a " * 1_600,
        "**a" * 1_600,
        "> " * 2_500,
        "- " * 2_500,
        "![a](" * 1_000,
        "<" * 5_000,
    ],
)
def test_a_text_made_to_take_long_does_not(text):
    begun = time.process_time()
    mapped(text)
    assert time.process_time() - begun < 2.5


@pytest.mark.parametrize(
    "text", ["[r]: https://a.b", "<br>", "- \n- ", "> ", "- " * 200 + "deep", "[" * 100_000]
)
def test_an_answer_is_never_nothing(text):
    letters = "".join(text.split())
    assert "".join(read(piece).text for piece in pieces(text)) == letters and mapped(text)


def test_a_summary_has_no_entities():
    assert '"content": "a < b"' in card_json.message(pieces("a < b")[0])
