"""Every answer over HTTP has the headers that bind a browser, whichever door gives it and however it went (W11)."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import get_resolver, path

from chat import runtime
from chat.http import headers as ours
from config.asgi import application
from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.support.more import more_of
from tests.support.pictures import picture

# streaQ leaves streams of anyio unclosed; see tests/chat/runs/test_queue.py.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed <MemoryObject:ResourceWarning",
    "ignore:.*MemoryObject:pytest.PytestUnraisableExceptionWarning",
)

#: Every address of the server is below one of these doors, and each door is there.
DOORS = (
    "healthz",
    "readyz",
    "admin/",
    "accounts/login/",
    "accounts/tokens/",
    "c/",
    "api/boot",
    "api/attachments",
    "api/schedules",
    "api/triggers",
    "api/notes",
    "triggers/",
    "api/v1/",
    "v1/",
    "hooks/",
    "feishu/",
)
FILES = ("holdfast/icon.svg", "holdfast/trusted-types.js", "admin/js/core.js", "nothing.js")
#: Policies that a page may register, by how its address begins; any other page may register none.
POLICIES = {"c/": "holdfast-entities holdfast-math", "admin/": "default"}


def asking(**options: Any) -> httpx.AsyncClient:
    """A client of everything that the server runs, the border before Django too."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", **options)


@pytest.fixture
async def here(redis_url: str, transactional_db: None) -> AsyncIterator[None]:
    """The stores of this process; what it opened to them is closed with the test."""
    yield
    await runtime.close()


@pytest.fixture
def root(transactional_db: None, admin_user: Any) -> dict[str, str]:
    """The cookies of an administrator."""
    client = Client()
    client.force_login(admin_user)
    return {"sessionid": client.cookies["sessionid"].value}


def routes(patterns: Iterable[Any], base: str = "") -> Iterator[str]:
    """Every route of the server, however deep."""
    for one in patterns:
        inner = getattr(one, "url_patterns", None)
        route = base + str(one.pattern)
        if inner is None:
            yield route
        else:
            yield from routes(inner, route)


def filled(route: str, user: Any) -> str:
    """An address of a route: of this user where it names a row, of nothing that exists elsewhere."""
    values = {"object_id": str(user.pk), "content_type_id": "0", "seq": "1", "form": "json", "slug": "x"}
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: values.get(name[1], str(uuid.uuid4())), route)
    return re.sub(r"\^?\(\?P.*?\)/?\$?$|\[\\s\\S\]\*", "x/", route)


def check(answer: httpx.Response, where: str) -> None:
    """Raises AssertionError for an answer that leaves a browser a freedom that it does not need."""
    given = answer.headers
    for name in (header.decode() for header in ours.HEADERS):
        assert len(given.get_list(name)) == 1, (where, name)
    assert given["x-content-type-options"] == "nosniff", where
    assert given["x-frame-options"] == "DENY", where
    assert given["referrer-policy"] == "same-origin", where
    assert given["cross-origin-opener-policy"] == "same-origin", where
    assert given["cross-origin-resource-policy"] == "same-origin", where
    assert "camera=()" in given["permissions-policy"], where
    policy = directives(given["content-security-policy"])
    assert policy["default-src"] == "'none'", where
    if "sandbox" in policy:  # somebody's file, or no page
        assert policy.get("script-src", "'none'") == "'none'", where
        return
    assert "unsafe" not in given["content-security-policy"], where
    assert policy["script-src"] == "'self'" and policy["object-src"] == "'none'", where
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'", where
    assert policy["require-trusted-types-for"] == "'script'", where
    allowed = {"'none'", *POLICIES.values()}
    assert policy["trusted-types"] in allowed, where


def directives(policy: str) -> dict[str, str]:
    """A Content-Security-Policy by directive."""
    parts = (part.strip().partition(" ") for part in policy.split(";") if part.strip())
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("who", more_of("root", "stranger"))
async def test_W11_every_address_of_every_door(
    here: None, root: dict[str, str], admin_user: Any, who: str
) -> None:
    found = list(dict.fromkeys(routes(get_resolver().url_patterns)))
    assert [door for door in DOORS if not any(route.startswith(door) for route in found)] == []
    statuses: dict[int, int] = {}
    async with asking(cookies=root if who == "root" else {}) as client:
        for route in found:
            for method in ("GET", "POST") if "admin/" not in route else ("GET",):
                where = f"{method} /{filled(route, admin_user)}"
                answer = await client.request(*where.split(" ", 1))
                assert answer.status_code < 500 or route == "readyz", (where, answer.status_code)
                check(answer, where)
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert len(found) > 150
    # Pages, redirects and refusals: the walk saw all kinds of answers.
    assert {200, 302, 403, 404, 405} - ({200, 403} if who == "stranger" else set()) <= statuses.keys()


@pytest.mark.parametrize(
    ("address", "policies"),
    [
        ("/", POLICIES["c/"]),
        ("/c/018f3c5e-7c1a-4000-8000-000000000001", POLICIES["c/"]),
        ("/triggers", POLICIES["c/"]),
        ("/accounts/tokens/", "'none'"),
        ("/nothing/here", "'none'"),
        ("/admin/", POLICIES["admin/"]),
        ("/admin/login/?next=/admin/", POLICIES["admin/"]),
        ("/admin/auth/user/", POLICIES["admin/"]),
        ("/admin/agents/agent/add/", POLICIES["admin/"]),
        ("/admin/schedules/schedule/add/", POLICIES["admin/"]),
    ],
)
async def test_W11_a_page_registers_its_own_trusted_types_and_no_others(
    root: dict[str, str], address: str, policies: str
) -> None:
    async with asking(cookies=root) as client:
        answer = await client.get(address)
    check(answer, address)
    assert directives(answer.headers["content-security-policy"])["trusted-types"] == policies


@pytest.mark.parametrize("name", FILES)
async def test_W11_static_files(name: str) -> None:
    async with asking() as client:
        answer = await client.get(f"/static/{name}")
    assert answer.status_code == (404 if name == "nothing.js" else 200)
    check(answer, name)


@pytest.fixture
def uploads(root: dict[str, str], admin_user: Any) -> dict[str, str]:
    """The ids of two files of the administrator's, by what they are."""
    client, found = Client(), {}
    client.force_login(admin_user)
    for kind, name, data in (
        ("picture", "a.png", picture()),
        ("text", "a.html", b"<script>alert(1)</script>"),
    ):
        file = BytesIO(data)
        file.name = name
        found[kind] = str(uuid.uuid4())
        assert client.post("/api/attachments", {"id": found[kind], "file": file}).status_code == 201
    return found


@pytest.mark.parametrize(("kind", "how"), [("picture", "inline"), ("text", "attachment")])
async def test_W11_attachments(root: dict[str, str], uploads: dict[str, str], kind: str, how: str) -> None:
    async with asking(cookies=root) as client:
        answer = await client.get(f"/api/attachments/{uploads[kind]}")
    assert answer.status_code == 200
    check(answer, kind)
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"].startswith(how)


@pytest.mark.parametrize(
    ("status", "request_of"),
    [
        (400, {"url": "/%00"}),
        (400, {"url": "/", "headers": {"Host": "evil.example"}}),
        (401, {"url": "/api/boot"}),
        (403, {"url": "/accounts/login/", "method": "POST"}),
        (404, {"url": "/nothing/here"}),
        (405, {"url": "/accounts/logout/"}),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_W11_refusals(transactional_db: None, status: int, request_of: dict[str, Any]) -> None:
    async with asking() as client:
        answer = await client.request(**{"method": "GET"} | request_of)
    assert answer.status_code == status
    check(answer, str(request_of))


def broken(request: HttpRequest) -> HttpResponse:
    """A view with a fault in it."""
    raise RuntimeError("a fault in a view")


async def test_W11_our_own_failures(settings: Any) -> None:
    settings.ROOT_URLCONF = Broken
    async with asking() as client:
        for address in ("/broken", "/api/broken"):
            answer = await client.get(address)
            assert answer.status_code == 500
            check(answer, address)


class Broken:
    """The server's addresses, with one more."""

    handler400, handler403, handler404, handler500 = handler400, handler403, handler404, handler500
    urlpatterns = [path("broken", broken), path("api/broken", broken), *urlpatterns]


async def test_a_header_that_a_view_sets_is_kept_and_not_doubled() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        given = [(b"Content-Security-Policy", b"default-src 'none'; sandbox"), (b"X-Own", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": given})
        await send({"type": "http.response.body"})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await ours.with_headers(inner)({"type": "http"}, None, send)
    names = [name for name, _ in sent[0]["headers"]]
    assert sorted(names) == sorted({*ours.HEADERS, b"x-own"})
    assert (b"content-security-policy", b"default-src 'none'; sandbox") in sent[0]["headers"]
