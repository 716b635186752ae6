"""Paths, patterns, templates and cron expressions as somebody writes them who wants them to take long, and payloads and
texts to run them on. Generated from a seed; each is of at most 1,000 characters, each payload of at most 64 KiB."""

import json
import random
from collections.abc import Callable
from typing import Any

MAX_CHARS = 1_000
MAX_BYTES = 64 * 1024

_KEYS = ("a", "b", "items", "name", "id", "x", "é", "状态")
_PIECES = (
    ".",
    "a",
    "x",
    "\\w",
    "\\d",
    "[ab]",
    "[^x]",
    "\\pL",
    "(?i)é",
    "\\s",
    "日",
    "(a|b|ab)",
    "(x|)",
    "\\b",
    "[a-z日本]",
)
_REPEATS = ("*", "+", "?", "*?", "{2}", "{0,9}", "{0,50}", "{12}", "{0,400}", "{1,1000}", "{30,60}", "")


def payloads(rng: random.Random) -> list[Any]:
    """JSON documents of up to 64 KiB: wide, deep, of many small values, of long words, and of the same thing over and
    over."""

    def nested(width: int, depth: int) -> Any:
        return [nested(width, depth - 1) for _ in range(width)] if depth else rng.choice((0, "a", None, True))

    deep: Any = list(range(10_000))
    for _ in range(90):
        deep = [deep, deep] if rng.random() < 0.02 and len(json.dumps(deep)) < 25_000 else [deep]
    made = [
        list(range(9_000)),
        [0] * 21_000,
        [[]] * 16_000,
        ["x" * 60_000, "x" * 4_000],
        {"payload": deep},
        {"items": [{"id": i, "name": "x" * rng.randrange(20), "on": i % 2 == 0} for i in range(1_200)]},
        {"items": [{key: rng.random() for key in _KEYS} for _ in range(250)]},
        {f"k{i}": {"a": [i, {"b": str(i)}]} for i in range(1_500)},
        nested(2, 13),
        nested(13, 3),
        nested(125, 2),
        {"a": {"a": {"a": ["é" * 9_000, {"x": "日本" * 9_000}]}}},
        "ab" * 30_000,
        {"items": [[0] * 5_000, [0] * 5_000, [0.0] * 2_000]},
        [10**4_000] * 15,
    ]
    return [one for one in made if len(json.dumps(one, ensure_ascii=False).encode()) <= MAX_BYTES]


def texts(rng: random.Random) -> list[str]:
    """Texts of about 64 KiB on which a matcher has to remember much."""

    def of(letters: str, chars: int) -> str:
        return "".join(rng.choices(letters, k=chars))

    return [
        "a" * MAX_BYTES,
        of("ab", MAX_BYTES),
        of("xyab", MAX_BYTES),
        of("abcdefgh 0123456789-_.@\n", MAX_BYTES),
        of("日本語xa ", MAX_BYTES // 3),
        of("é😀xa", MAX_BYTES // 4),
        ("x" + "a" * 50) * 1_250,
        "\n" * MAX_BYTES,
    ]


def path(rng: random.Random) -> str:
    """A path, or something like one."""
    if rng.random() < 0.15:
        unit = rng.choice(
            ("[0,0]", "[0,1]", "[*]", "[:]", "[?@]", "[0,-1,0]", "[?@[?@]]", "[0,0,0,0,0,0,0,0]", ".*", "..*")
        )
        return ("$" + unit * rng.randrange(1, 400))[: rng.choice((35, 290, MAX_CHARS))]
    if rng.random() < 0.15:
        return rng.choice((_union, _nest, _slices, _same))(rng, rng.choice((35, 290, 290, MAX_CHARS)))[
            :MAX_CHARS
        ]
    made = "$" + "".join(_segment(rng, 0) for _ in range(rng.randrange(1, 12)))
    return _spoilt(rng, made, "$@.[]*?'\",:()!&|<>=1-0eE \\u¹٣\ud800\0")[:MAX_CHARS]


def _union(rng: random.Random, room: int) -> str:
    """One bracket full of selectors, of which most find the same, perhaps with another like it behind."""
    one = rng.choice(("*", "0", ":", "?@", "'a'", "::-1", "-1", "?@==@", "9007199254740991"))
    brackets = rng.choice((1, 2, 3))
    selectors = (room // brackets - 3) // (len(one) + 1)
    return "$" + ("[" + ",".join([one] * max(1, selectors)) + "]") * brackets


def _nest(rng: random.Random, room: int) -> str:
    """Filters in filters, and what is tested in parentheses."""
    opens = rng.choice(("[?@", "[?@[*]", "[?(@", "[?!@", "[?count(@[*]", "[?@.*", "[?@..*", "[?@[0,0]"))
    closes = {"(": ")", "[": "]"}
    depth = rng.choice((3, 8, 10, 11, room // (len(opens) + 2)))
    left = [mark for mark in opens if mark in "(["]
    for mark in (mark for mark in opens if mark in ")]"):
        left.remove("[" if mark == "]" else "(")
    tail = ">=0]" if "count" in opens else "".join(closes[mark] for mark in reversed(left))
    tail = f"){tail}" if "count" in opens else tail
    return "$" + rng.choice(("", "[*]", "[*,*]")) + opens * depth + tail * depth


def _slices(rng: random.Random, room: int) -> str:
    """Places and steps that no list has, as far as they are allowed and beyond."""
    place = ("0", "-1", str(2**53 - 1), str(-(2**53) + 1), str(2**53), str(10**40), "", "1e5")
    made = "$"
    while len(made) < room - 60:
        made += f"[{rng.choice(place)}:{rng.choice(place)}:{rng.choice((*place, '2', '-3'))}]"
        if rng.random() < 0.5:
            break
    return made


def _same(rng: random.Random, room: int) -> str:
    """Large values that are compared with themselves, over and over."""
    one = rng.choice(
        ("@==@", "@!=@", "@<=@", "@[0]==@[1]", "@.a>=@.a", "length(@)==length(@)", "value(@[*])==@")
    )
    mark = rng.choice(("&&", "||"))
    tests = mark.join([one] * max(1, (room - 20) // (len(one) + 2)))
    return rng.choice(("$[?", "$[*][?", "$[*,*][?", "$.*.*[?")) + tests + "]"


def _segment(rng: random.Random, depth: int) -> str:
    if rng.random() < 0.35:
        return (".." if rng.random() < 0.03 else ".") + rng.choice((*_KEYS, "*"))
    return "[" + ",".join(_selector(rng, depth) for _ in range(rng.choice((1, 1, 1, 2, 3, 9)))) + "]"


def _selector(rng: random.Random, depth: int) -> str:
    chosen = rng.randrange(6 if depth < 4 else 4)
    if chosen == 0:
        return f"'{rng.choice(_KEYS)}'"
    if chosen == 1:
        bad = (2**53, 10**30, "1e5", "01", "-0")
        return str(rng.choice(bad if rng.random() < 0.05 else (0, 1, -1, 5, 2**53 - 1)))
    if chosen == 2:
        return rng.choice(("*", "::-1", ":", "0:100000", "::2"))
    if chosen == 3:
        return "*"
    return "?" + _test(rng, depth + 1)


def _test(rng: random.Random, depth: int) -> str:
    chosen = rng.randrange(6 if depth < 4 else 3)
    inner = "@" + "".join(_segment(rng, depth) for _ in range(rng.randrange(3)))
    if chosen == 0:
        return inner
    if chosen == 1:
        if rng.random() < 0.9:  # what is compared is one value
            inner = "@" + "".join(
                rng.choice((".a", ".x", "[0]", "[-1]", "['b']")) for _ in range(rng.randrange(3))
            )
        other = rng.choice(("@", "1", "1e9", inner, "null", "1e400" if rng.random() < 0.1 else "true"))
        return f"{inner}{rng.choice(('==', '!=', '<=', '<'))}{other}"
    if chosen == 2:
        name = rng.choice(("search", "match") if rng.random() < 0.05 else ("count", "value"))
        return f"{name}({inner})=={rng.randrange(9)}"
    if chosen == 3:
        return f"!({_test(rng, depth + 1)})"
    return rng.choice(("&&", "||")).join(_test(rng, depth + 1) for _ in range(rng.randrange(1, 5)))


def pattern(rng: random.Random) -> str:
    """A pattern that repeats much, or something like one."""
    if rng.random() < 0.1:
        unit = rng.choice(
            (".{0,1000}", "(a|b)*", "x.{0,50}", "(?:x.{0,9}){9}", ".*", "(.+)+", "[ab]{20}", "\\pL*\\w*")
        )
        return (unit * rng.randrange(1, 20) + rng.choice(("", "$", "Q", "\\b")))[
            : rng.choice((60, 290, MAX_CHARS))
        ]
    if rng.random() < 0.1:
        return _quantified(rng)
    made = "".join(_piece(rng, 0) for _ in range(rng.randrange(1, 9))) + rng.choice(("", "", "Q", "$"))
    return _spoilt(rng, made, "()[]{}*+?|\\.^$1QEpPz\ud800\0")[:MAX_CHARS]


def _quantified(rng: random.Random) -> str:
    """Repeats of repeats, and choices that begin alike: what makes a matcher that goes back take for ever."""
    core = rng.choice(("a", ".", "a|a", "a|ab", "\\w", "[^x]", "a?", "日|a", "(?i:a)", "\\pL", "^|a", "\\b"))
    if rng.random() < 0.2:  # many pieces that may each be empty, so that any of them may follow any other
        core = f"(({core}|)*?){{1,{rng.randrange(100, 1_001)}}}"
    for _ in range(rng.randrange(1, 12)):
        core = f"({core}){rng.choice(_REPEATS)}"
    if rng.random() < 0.3:
        core += "|".join("a" * n for n in range(1, rng.randrange(2, 30)))
    return rng.choice(("", "^", ".*", "(?s)", "(?i)")) + core + rng.choice(("$", "Q", "\\z", "b$", ""))


def _piece(rng: random.Random, depth: int) -> str:
    if depth < 3 and rng.random() < 0.25:
        inner = rng.choice(("|", "")).join(_piece(rng, depth + 1) for _ in range(rng.randrange(1, 5)))
        return f"({inner}){rng.choice(_REPEATS)}"
    return rng.choice(_PIECES) + rng.choice(_REPEATS)


def template(rng: random.Random) -> str:
    """A template with many fields, or something like one."""
    if rng.random() < 0.2:
        unit = rng.choice(
            (
                *(
                    "{{payload}}",
                    "{{ payload[0] }}",
                    "{{",
                    "{{ payload.a.a.a",
                    "{{a" + " " * 90,
                    "{{}}",
                    "{{²}}",
                ),
                *(
                    "{% for a in payload %}{{ a }}",
                    "{{#each payload}}{{this}}{{/each}}",
                    "{{ payload|join }}",
                ),
                *('{{ payload["a"]["a"] }}', '{{ payload["' + "[" * 60, "{{ payload" + ".a" * 150 + " }}"),
                *("{{{{payload}}}}", "{{ payload.items[0].name }}", "{{\n" * 5 + "}}", "{{ 1.1.1 }}", "}}{{"),
            )
        )
        return unit * (MAX_CHARS // len(unit))
    made = "".join(rng.choice((_field(rng), _field(rng), "Look at ")) for _ in range(rng.randrange(1, 40)))
    return _spoilt(rng, made, "{}[].² \ud800\0")[:MAX_CHARS]


def _field(rng: random.Random) -> str:
    made = "payload"
    for _ in range(rng.randrange(6)):
        made += rng.choice(
            (f".{rng.choice(_KEYS)}", f"[{rng.choice((0, 1, 999_999, 10**9))}]", ".0", ".²", ".٣")
        )
    return "{{ " + made + " }}"


def cron(rng: random.Random) -> str:
    """A cron expression that is due seldom, or something like one."""
    fields = [rng.choice(_CRON[place]) for place in range(5)]
    return _spoilt(rng, " ".join(fields), "*/-,L#0123456789 ²٣")[:MAX_CHARS]


_CRON = (
    ("*", "0", "59", "*/7", "0,0,0,0,0,1", "0-59/59", "*/99999999"),
    ("*", "2", "*/5", "23", "0-23"),
    ("*", "29", "30", "31", "L", "1-31", "29,30", "99999999999999999999"),
    ("*", "2", "FEB", "4,6,9,11", "*/11"),
    ("*", "MON", "7#5", "SUN#5", "0-6", "5L", "MON-FRI"),
)


def _spoilt(rng: random.Random, text: str, letters: str) -> str:
    """Now and then with a few characters more or less."""
    chars = list(text)
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        place = rng.randrange(len(chars) + 1)
        if rng.random() < 0.4 and chars:
            chars.pop(min(place, len(chars) - 1))
        else:
            chars.insert(place, rng.choice(letters))
    return "".join(chars) or text


KINDS: dict[str, tuple[int, Callable[[random.Random], str]]] = {
    "path": (40, path),
    "pattern": (30, pattern),
    "template": (25, template),
    "cron": (5, cron),
}
