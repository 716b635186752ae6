"""Requests of somebody who is logged in with a browser, to every address but those of programs and machines."""

from __future__ import annotations

import random
import re
from typing import Any
from urllib.parse import urlencode

from chat.entrances.schedules.validation import Draft
from chat.entrances.triggers.api import Wanted
from tests.hostile import routes, words
from tests.hostile.asking import Asked
from tests.hostile.house import House, Person
from tests.hostile.routes import Route

METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "X" * 300,
    "G\xc9T",
)
SCHEDULE = {
    "name": "News",
    "prompt": "What is new?",
    "kind": "cron",
    "cron": "0 9 * * *",
    "zone": "Europe/Berlin",
}
MORE_OF_SCHEDULES = ("id", "state", *Draft.model_fields)
TRIGGER = {
    "name": "T",
    "kind": "webhook",
    "prompt": "Look at {{ payload.a }}",
    "path": "$.a",
    "match": "regex",
    "pattern": "a+",
    "sender": "github",
    "secret": "s",
    "per_hour": 1,
    "url": "https://example.com/",
}
MORE_OF_TRIGGERS = tuple(Wanted.model_fields)
#: (how an address ends, an honest body, other fields that it may have).
BODIES: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("/schedules", SCHEDULE, MORE_OF_SCHEDULES),
    ("/preview", SCHEDULE, MORE_OF_SCHEDULES),
    ("/{schedule}", {"state": "paused", "name": "N"}, (*SCHEDULE, *MORE_OF_SCHEDULES)),
    ("/triggers", TRIGGER, MORE_OF_TRIGGERS),
    ("/{trigger}", {"paused": True, "pattern": "(a|b)*"}, (*TRIGGER, *MORE_OF_TRIGGERS)),
    ("/marks", {"ids": ["00000000-0000-4000-8000-000000000000"], "pinned": True}, ("archived", "ids")),
    ("/copies", {"id": "00000000-0000-4000-8000-000000000000", "message": "x.1"}, ("message",)),
    ("/run", {"id": "00000000-0000-4000-8000-000000000000"}, ()),
)
NAMES = tuple(
    """before limit after q cursor archived branch form next username password name p o id__exact owner__id__exact kind
    state all _popup _to_field days scopes language csrfmiddlewaretoken""".split()
)
FILES = (
    *(
        b"",
        b"text",
        b"\0",
        b"\xff\xd8\xff\xe0" + b"\0" * 40,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"GIF89a\xff\xff\xff\xff",
    ),
    *(
        b"\xff\xfe",
        b"%PDF-1.7",
        b"<svg onload=alert(1)>",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"PK\x03\x04",
        b"BM" + b"\xff" * 60,
    ),
)
#: What may stand behind a boundary. Not all that Python has a codec for is a charset.
PARAMETERS = (
    *(
        "",
        "",
        "",
        "",
        "",
        "",
        "; charset=utf-8",
        "; charset=utf-16",
        "; charset=zlib",
        "; charset=rot13",
        "; charset=x",
    ),
    *(
        "; charset=undefined",
        "; charset=idna",
        "; charset*=zz''x",
        "; charset*=utf-8''%00",
        "; boundary*=zz''x",
    ),
)

_FIELD = re.compile(r"<(?:input|select|textarea)\b[^>]*>")
_ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')
#: What would be another door: deleting, and pages that come back.
NOT_SENT = ("_popup", "action", "_selected_action", "csrfmiddlewaretoken", "post")


def request(rng: random.Random, house: House) -> tuple[Asked, Person | None]:
    """One request, and whose it is."""
    route = rng.choice(_routes(rng))
    person: Person | None = rng.choice(house.strangers)
    if route.path.startswith("/admin/") and rng.random() < 0.6:
        person = house.charlie
    if rng.random() < 0.05 or route.path.endswith("/logout/"):
        person = None  # whoever logs out here would be a stranger for the rest of the time
    method = rng.choice(route.methods or ("GET", "GET", "POST"))
    if rng.random() < 0.12:
        method = rng.choice(METHODS)
    path = address(rng, route, house, person)
    if rng.random() < 0.2 and house.forms and person is house.charlie:
        method, path = "POST", rng.choice(list(house.forms))
    headers, body = _body(rng, route, method, house.forms.get(path))
    if rng.random() < 0.4:
        path += f"?{words.query(rng, NAMES)}"
    if person is not None and rng.random() < 0.97:
        headers += list(person.browser(house.stack.address).items())
    if rng.random() < 0.2:
        headers += words.headers(rng)
    length = rng.choice((-1, 0, 10**9, len(body) + 5)) if rng.random() < 0.01 else None
    return Asked(method, path, tuple(headers), body, length, source(rng)), person


def _routes(rng: random.Random) -> list[Route]:
    """Pages are fewer than the addresses that the page asks, and those of the admin are many."""
    every = routes.of_browsers()
    chosen = rng.random()
    if chosen < 0.65:
        return [one for one in every if one.is_json]
    if chosen < 0.8:
        return [one for one in every if one.path.startswith("/admin/")]
    return [one for one in every if not one.is_json and not one.path.startswith("/admin/")]


def source(rng: random.Random) -> str:
    """An address of this machine."""
    return f"127.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}"


def address(rng: random.Random, route: Route, house: House, person: Person | None) -> str:
    """The route with something in the place of each parameter."""
    path = route.path
    for name, kind in route.kinds:
        id = house.ids(rng, person or house.bob)
        if kind in ("uuid", "uuidstr"):
            filled = id if rng.random() < 0.95 else words.escaped(words.text(rng)[:300])
        elif name in ("call", "run", "object_id", "response") and rng.random() < 0.6:
            filled = rng.choice(
                (id, "²", "1", "-1", f"{10**25}", "x" * 300, "..", "%00", "resp_" + id.replace("-", ""))
            )
        else:
            filled = words.escaped(words.text(rng)[:300])
        path = path.replace(f"{{{name}}}", filled)
    if rng.random() < 0.02:
        path = rng.choice(
            (path + "/", "/" + path, path.upper(), path + "%00", path + "%2e%2e", path[:-1], "*", "")
        )
    return path


def _body(
    rng: random.Random, route: Route, method: str, shown: dict[str, str] | None
) -> tuple[list[tuple[str, str]], bytes]:
    if method in ("GET", "HEAD") and rng.random() < 0.95:
        return [], b""
    kind = "application/json"
    if route.path == "/api/attachments":
        kind, body = form(rng)
    elif not route.is_json:
        kind, body = "application/x-www-form-urlencoded", _fields(rng, shown)
    else:
        sample, names = next(((s, n) for end, s, n in BODIES if route.path.endswith(end)), ({}, NAMES))
        body = words.written(rng, words.changed(rng, sample, names))
    headers = [("Content-Type", kind if rng.random() < 0.93 else rng.choice(words.CONTENT_TYPES))]
    if rng.random() < 0.02:
        body, encoding = words.packed(rng, body)
        headers.append(("Content-Encoding", encoding))
    return headers, body


def _fields(rng: random.Random, shown: dict[str, str] | None) -> bytes:
    """The fields of a form: of the one that was shown, some changed; or some that many forms have."""
    if shown is None:
        many = rng.choice((1, 3, 5, 5, 1_200))
        texts = [words.text(rng).encode("utf-8", "replace") for _ in range(5)]
        return urlencode([(rng.choice(NAMES), rng.choice(texts)) for _ in range(many)]).encode()
    made = {name: value or words.plain(rng, 5) for name, value in shown.items()}
    for name in rng.choices(list(made), k=rng.choice((1, 2, 4))):
        made[name] = rng.choice((words.text(rng), str(10**30), "-1", "1e400", "", "0001-01-01", "23:59:59"))
    return urlencode({name: value.encode("utf-8", "replace") for name, value in made.items()}).encode()


def fields_of(page: bytes) -> dict[str, str]:
    """The fields of the forms of a page, with their values as they stand there."""
    found: dict[str, str] = {}
    for element in _FIELD.findall(page.decode("utf-8", "replace")):
        attributes = dict(_ATTRIBUTE.findall(element))
        name = attributes.get("name", "")
        if name and name not in NOT_SENT and ("checked" in element or 'type="checkbox"' not in element):
            found[name] = attributes.get("value", "")
    return found


def form(rng: random.Random) -> tuple[str, bytes]:
    """(content type, body) of a form with a file, perhaps spoilt."""
    mark = "x" * 20
    name = words.text(rng)[:300].replace("\r", " ").replace("\n", " ").replace('"', "'")
    id = rng.choice((f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(128):032x}", words.text(rng)[:200]))
    parts = [
        f'Content-Disposition: form-data; name="id"\r\n\r\n{id}'.encode("utf-8", "replace"),
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: '.encode(
            "utf-8", "replace"
        )
        + rng.choice(words.CONTENT_TYPES).encode("latin-1")
        + b"\r\n\r\n"
        + rng.choice((*FILES, words.text(rng).encode("utf-8", "replace"))),
    ]
    if rng.random() < 0.1:
        parts.append(
            b'Content-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name="x"\r\n\r\n%%%='
        )
    if rng.random() < 0.1:
        parts = [rng.choice(parts)] * rng.choice((1, 2, 150))
    body = b"".join(b"--" + mark.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    body += b"--" + mark.encode() + b"--\r\n"
    if rng.random() < 0.05:
        body = body[: rng.randrange(len(body))]
    return f"multipart/form-data; boundary={mark}{rng.choice(PARAMETERS)}", body
