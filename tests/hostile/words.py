"""Any text and any JSON, from a seed: of somebody who looks for the value that one layer takes and the next cannot.

A frame is made from an honest sample (`changed`), so that most of it is what the door expects, and written (`written`)
in one of the ways in which JSON can be written, or spoilt.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import string
from typing import Any

from tests.support import odd

#: Characters from everywhere: controls, halves of pairs, marks that combine, directions, letters that change length
#: with their case, digits of other scripts, blanks that nobody sees.
LETTERS = (
    *"aZ0 \n\r\t\0\x1b\x7f\x85\"'\\/%&<>{}[]$*`|#_~;=éßİıﬁ²٣Ⅷ\u0301\u200b\u200d\u202e\u2066\u2028\ufeff\ufffd\uffff",
    *"\U0010ffff\ud800\udfff\ud83d中한😀\u115f\ue000",
    "👩\u200d👩\u200d👧",
)
#: Texts that mean something to somebody on the way.
MEANT = (
    *"""'; DROP TABLE chat_event; --|{{7*7}}|{% debug %}|${jndi:ldap://127.0.0.1/a}|%s%n|{0.__class__}|../../etc/passwd
<script>alert(1)</script>|](javascript:alert(1))|file:///etc/passwd|\\\\x\\y|http://xn--/|http://[::1|//evil|data:,|1e400
http://127.0.0.1:0/|http://\u2488.com|javascript:0|9999-12-31|0001-01-01T00:00+14:00|9999-12-31T23:59:59.999-12:00
2026-13-45|-0|NaN|null|true|[]|{}|00000000-0000-0000-0000-000000000000|$[0,0][0,0]|$..*|.{0,1000}""".replace(
        "\n", "|"
    ).split("|"),
    *("0" * 5_000, "9" * 400, "(" * 10, "a" * 70_000, "\n" * 500, "[" * 5_000, "`" * 3_000, "| " * 2_000),
)
RAW_MARK = "raw-{}-raw"


def text(rng: random.Random) -> str:
    """Any text, mostly short."""
    chosen = rng.random()
    if chosen < 0.3:
        return str(rng.choice([one for one in odd.ODD if isinstance(one, str)]))
    if chosen < 0.6:
        return rng.choice(MEANT)
    return "".join(rng.choices(LETTERS, k=rng.choice((1, 2, 5, 30, 300))))


def plain(rng: random.Random, chars: int = 12) -> str:
    """Letters and digits."""
    return "".join(rng.choices(string.ascii_letters + string.digits, k=chars))


def value(rng: random.Random, depth: int = 3) -> Any:
    """Any JSON value. Some texts in it stand for what only a text of JSON can hold: see `written`."""
    chosen = rng.random()
    if chosen < 0.35:
        return text(rng)
    if chosen < 0.6:
        return copy.deepcopy(rng.choice(odd.ODD))
    if chosen < 0.75:
        return RAW_MARK.format(rng.randrange(len(odd.RAW)))
    if chosen < 0.8 or not depth:
        return rng.choice((rng.randrange(-(2**70), 2**70), rng.random() * 10 ** rng.randrange(-30, 30)))
    if chosen < 0.9:
        return [value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 9)))]
    return {text(rng)[:200]: value(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 5)))}


def changed(rng: random.Random, sample: Any, names: tuple[str, ...] = (), times: int = 0) -> Any:
    """A copy of the sample with some things different, anywhere in it. `names`: of fields that it may have besides."""
    made = copy.deepcopy(sample)
    for _ in range(times or rng.choice((0, 0, 0, 1, 1, 1, 2, 4))):
        made = _once(rng, made, names)
    return made


def _once(rng: random.Random, made: Any, names: tuple[str, ...]) -> Any:
    inside = _containers(made)
    if not inside or rng.random() < 0.03:
        return value(rng)
    place: Any = rng.choice(inside)
    if isinstance(place, list):
        if place and rng.random() < 0.7:
            place[rng.randrange(len(place))] = value(rng)
        else:
            place.extend(value(rng) for _ in range(rng.choice((1, 2, 200))))
        return made
    known = [*place, *names] or ["a"]
    chosen = rng.random()
    if chosen < 0.7:
        place[rng.choice(known)] = value(rng)
    elif chosen < 0.8:
        place.pop(rng.choice(known), None)
    elif chosen < 0.9:
        place[text(rng)[:200]] = value(rng)
    else:  # the value of one field in another
        place[rng.choice(known)] = copy.deepcopy(place.get(rng.choice(known)))
    return made


def _containers(made: Any) -> list[Any]:
    found, todo = [], [made]
    while todo and len(found) < 200:
        one = todo.pop()
        if isinstance(one, dict | list):
            found.append(one)
            todo += one.values() if isinstance(one, dict) else one
    return found


def written(rng: random.Random, made: Any) -> bytes:
    """JSON as it may come: escaped or not, with blanks, with what only JSON texts can hold, and now and then spoilt."""
    blanks = rng.choice((None, None, (",", ":"), (" ,\t", " :\n")))
    source = json.dumps(made, ensure_ascii=rng.random() < 0.6, separators=blanks)
    for number, raw in enumerate(odd.RAW):
        source = source.replace(json.dumps(RAW_MARK.format(number)), raw)
    chosen = rng.random()
    if chosen < 0.02:
        source = source[: rng.randrange(len(source) + 1)]
    elif chosen < 0.03:
        source = source.replace("{", '{"a":1,"a":2,', 1)
    elif chosen < 0.04:
        source = "\ufeff" + source
    elif chosen < 0.05:
        source = "[" * rng.choice((2, 90, 110, 20_000)) + source
    elif chosen < 0.06:
        source += rng.choice((" ", "\0", "}", ",{}", "\n\n", source))
    made_bytes = source.encode("utf-8", "surrogatepass")
    if chosen > 0.99:
        return source.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig")), "surrogatepass")
    if chosen > 0.97 and made_bytes:
        place = rng.randrange(len(made_bytes))
        return (
            made_bytes[:place]
            + rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0"))
            + made_bytes[place:]
        )
    return made_bytes


def packed(rng: random.Random, body: bytes) -> tuple[bytes, str]:
    """(the body as if compressed, what is said of it)."""
    return rng.choice(
        (
            (gzip.compress(body), "gzip"),
            (body, "gzip"),
            (gzip.compress(b"0" * 2_000_000), "gzip"),
            (body, "br, deflate"),
            (body, text(rng)[:50].replace("\n", "").replace("\r", "")),
        )
    )


#: With charsets that are none, though Python has a codec of the name, and parameters in every form of RFC 2231.
CONTENT_TYPES = (
    *"""application/json|application/json; charset=utf-16|text/plain|*/*|multipart/form-data|multipart/mixed|;;;=
multipart/form-data; boundary=|application/x-www-form-urlencoded|application/x-www-form-urlencoded; charset=cp037
multipart/form-data; boundary=x|text/json; charset=rot13|a/b; charset=idna|application/problem+json|a; charset*=x
text/plain; charset=unicode_escape|image/svg+xml|text/html; charset=zlib|text/plain; charset*=zz'en'x
text/plain; charset*=utf-8''%00|text/plain; charset*0*=utf-8'';|text/plain; charset="a\\|a/b; charset=hex
application/json; charset=punycode|text/plain; charset=undefined|application/json; boundary*=utf-16''x
application/json; charset*1=a; charset*0=b|a/b; charset=base64""".replace("\n", "|").split("|"),
    *(
        "",
        "application/json;charset=\xff",
        "multipart/form-data; boundary=\xff",
        "application/" + "x" * 5_000,
    ),
    *("text/plain; a*" + "9" * 5_000 + "*=x", "text/plain; charset=a\0b", "a;" * 5_000, "a/b; charset=\xe9"),
)
HEADERS = """Accept Accept-Language Accept-Encoding Cookie Origin Referer Range If-None-Match If-Modified-Since TE Via
Host X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host Forwarded Expect Authorization X-CSRFToken Idempotency-Key
DNT Upgrade X-Stainless-Retry-Count Holdfast-Conversation X-HTTP-Method-Override Daphne-Root-Path Content-Language
Transfer-Encoding Last-Event-ID Sec-Fetch-Site Content-MD5 X-Something""".split()
SAID = (
    *"""*|null|1e400|-1|bytes=0-,0-,0-|zh;q=1e400|zh-Hans-CN-x-a-b|,,,;;;|Thu, 99 Foo 0000|=; =;;|http://xn--/
https://[::1|Bearer|Basic %%|127.0.0.1, ::1, \xff|100-continue|h2c|chunked, chunked|0-|sessionid=\\000
a="\\777"; sessionid=²""".replace("\n", "|").split("|"),
    *("", " ", "a" * 7_000, "\xff\xfe", "é", "\x01", "9" * 400, "en-" + "x" * 600, "en;q=" + "9" * 300),
    "Bearer holdfast_" + "x" * 43,
)


def headers(rng: random.Random) -> list[tuple[str, str]]:
    """A header that nobody asked for."""
    return [(rng.choice(HEADERS), rng.choice(SAID))]


def query(rng: random.Random, names: tuple[str, ...]) -> str:
    """A query string."""
    many = [odd.query(rng, names)]
    if rng.random() < 0.1:
        many.append("&".join(f"{plain(rng, 3)}=1" for _ in range(rng.choice((10, 1_500)))))
    if rng.random() < 0.2:
        many.append(f"{rng.choice(names)}={escaped(text(rng)[:500])}")
    if rng.random() < 0.02:
        many.append(f"{rng.choice(names)}=\xff")  # as nobody may write it
    return "&".join(many)


def escaped(any_text: str) -> str:
    """As it stands in an address; halves of pairs as nobody may write them."""
    return "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in any_text.encode("utf-8", "surrogatepass")
    )
