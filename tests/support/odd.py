"""Values that one layer takes and the next cannot, and bodies made of them: for fuzzing what takes JSON."""

from __future__ import annotations

import json
import random
from typing import Any

#: Written raw into a JSON text in place of a value.
RAW = (
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" * 500,
    '"\\ud800"',
    '"\\u0000"',
    "[" * 200 + "]" * 200,
    "1.0e5",
    "-0",
)
ODD: tuple[Any, ...] = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "\u202e",
        "\ufeff",
        "²",
        "٣",
        "x" * 40_000,
        "\n" * 300,
    ),
    *(0, -1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 0.5, 1e308, -1e308, True, None),
    *([], {}, [[]], [None], ["\0"], {"\0": "\ud800"}, {"": {}}),
    *(
        "0001-01-01T00:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59:59",
        "9999-12-31T23:59-12:00",
        "2026-02-30",
    ),
    *(
        "2026-11-29T09:00+99:99",
        "1e999",
        "NaN",
        "http://xn--/",
        "http://\0/",
        "http://[::1",
        "//",
        "{{ payload.² }}",
    ),
    *(
        "{{ payload[99999999999] }}",
        "$[1e5]",
        "$..a",
        "$['\ud800']",
        "(",
        "\\p{",
        "a{1000}{1000}",
        "* * * * *",
        "0 0 31 2 *",
    ),
    *("Europe/../Berlin", "/etc/passwd", "00000000-0000-0000-0000-000000000000", "../../x", "%00", "'; --"),
)


def body(rng: random.Random, sample: dict[str, Any], names: tuple[str, ...]) -> bytes:
    """A JSON object like the sample, with some fields odd: of the sample's, or of `names`."""
    made: dict[str, Any] = dict(sample)
    marks: dict[str, str] = {}
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice((*names, *sample)) if rng.random() < 0.97 else rng.choice(("\0", "\ud800", ""))
        if rng.random() < 0.2:
            mark = f"raw-{len(marks)}-raw"
            marks[f'"{mark}"'] = rng.choice(RAW)
            made[name] = mark
        else:
            made[name] = rng.choice(ODD)
    text = json.dumps(made, ensure_ascii=rng.random() < 0.7)
    for mark, raw in marks.items():
        text = text.replace(mark, raw)
    if rng.random() < 0.03:
        text = text[: rng.randrange(len(text))]
    return text.encode(errors="surrogatepass")


def query(rng: random.Random, names: tuple[str, ...]) -> str:
    """A query string with odd values."""
    odd = (
        "",
        "%00",
        "%ED%A0%80",
        "²",
        "-1",
        "1e400",
        "99999999999999999999999999",
        "%FF",
        "a" * 3_000,
        "[]",
        "0",
        "true",
    )
    return "&".join(f"{rng.choice(names)}={rng.choice(odd)}" for _ in range(rng.randrange(1, 4)))
