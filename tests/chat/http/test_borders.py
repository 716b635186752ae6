"""What passes before Django and Channels see a request: whose page opens a socket, what no layer takes (rule W11)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.test import Client

from chat.http.borders import guarded, is_own_origin
from config.asgi import application


def scope(
    origin: str | None, host: str = "chat.example", scheme: str = "ws", **headers: str
) -> dict[str, Any]:
    given = [(b"host", host.encode())]
    given += [] if origin is None else [(b"origin", origin.encode())]
    given += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "websocket",
        "path": "/ws",
        "scheme": scheme,
        "headers": given,
        "server": ("10.0.0.1", 8000),
    }


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "own"),
    [
        ("http://chat.example", "chat.example", "ws", True),
        ("http://chat.example:80", "chat.example", "ws", True),
        ("http://CHAT.example", "chat.example:80", "ws", True),
        ("https://chat.example", "chat.example", "wss", True),
        ("http://chat.example:8000", "chat.example:8000", "ws", True),
        ("http://[::1]:8000", "[::1]:8000", "ws", True),
        ("http://chat.example:9000", "chat.example:8000", "ws", False),
        ("http://chat.example", "chat.example:8000", "ws", False),
        ("https://chat.example", "chat.example", "ws", False),
        ("http://chat.example", "chat.example", "wss", False),
        ("http://other.example", "chat.example", "ws", False),
        ("http://localhost:8000", "127.0.0.1:8000", "ws", False),
        ("http://evil.example", "evil.example", "ws", False),
        ("null", "chat.example", "ws", False),
        ("", "chat.example", "ws", False),
        (None, "chat.example", "ws", False),
        ("http://chat.example/path", "chat.example", "ws", False),
        ("http://chat.example:x", "chat.example", "ws", False),
        ("http://chat.example.", "chat.example", "ws", False),
        ("http://chat.example@evil.example", "chat.example", "ws", False),
        ("http://trusted.example:8443", "chat.example", "ws", False),
        ("https://trusted.example", "chat.example", "ws", True),
        ("https://a.sub.example", "chat.example", "ws", True),
        ("https://sub.example.evil", "chat.example", "ws", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(
    settings: Any, origin: str, host: str, scheme: str, own: bool
) -> None:
    settings.ALLOWED_HOSTS = ["chat.example", "127.0.0.1", "[::1]", "localhost"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example", "https://*.sub.example"]
    assert is_own_origin(scope(origin, host, scheme)) is own


def test_behind_a_proxy_the_scheme_is_the_one_that_it_names(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    forwarded = scope("https://chat.example", x_forwarded_proto="https")
    assert not is_own_origin(forwarded)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert is_own_origin(forwarded)
    assert not is_own_origin(scope("http://chat.example", x_forwarded_proto="https"))


def test_two_origins_are_none(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    twice = scope("http://chat.example")
    twice["headers"].append((b"origin", b"http://chat.example"))
    assert not is_own_origin(twice)


@pytest.fixture
def cookies(transactional_db: None, alice: Any) -> dict[str, str]:
    client = Client()
    client.force_login(alice)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


def asking() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(application, raise_app_exceptions=False), base_url="http://localhost"
    )


@pytest.mark.parametrize(
    "path",
    ["/c/%00", "/?q=%00", "/admin/?q=a%00b", "/api/conversations/%00", "/api/boot?before=%00", "/a%00?%00"],
)
async def test_no_address_with_a_nul_goes_further(cookies: dict[str, str], path: str) -> None:
    async with asking() as client:
        answer = await client.get(path, headers=cookies)
    assert answer.status_code == 400 and answer.content == b""


@pytest.mark.parametrize(
    "session",
    [r'"\000"', r'"a\000b"', r'"\0001"', "x" * 500, '"\\"', "\udce4".encode(errors="replace").decode()],
)
async def test_a_session_that_no_database_takes_is_no_login(transactional_db: None, session: str) -> None:
    async with asking() as client:
        answer = await client.get(
            "/api/boot", headers={"Cookie": f"sessionid={session}; csrftoken={session}"}
        )
    assert answer.status_code == 401


async def test_where_the_site_stands_is_not_for_a_client_to_say() -> None:
    seen: list[dict[str, Any]] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    headers = [(b"daphne-root-path", b"/evil"), (b"daphne_root_path", b"/evil"), (b"host", b"localhost")]
    given = {"type": "http", "path": "/", "query_string": b"", "root_path": "/evil", "headers": headers}
    await guarded(inner)(given, None, None)
    assert seen[0]["root_path"] == "" and seen[0]["headers"] == [(b"host", b"localhost")]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain; charset*=zz'en'x", "text/plain; charset*=utf-8''%00", f"a/b; a*{'9' * 5_000}*=x"),
        *(
            "text/plain; charset=a\0b",
            "a/b; charset=undefined",
            "a/b; charset=idna",
            "text/html; charset=gbk",
        ),
        *(
            "multipart/form-data; boundary=xx; charset=zlib",
            "multipart/form-data; boundary=xx; charset=rot13",
        ),
        *(
            "multipart/form-data; boundary=xx; charset=no-such",
            "multipart/form-data; boundary*=zz''x",
            ";;=;",
        ),
    ],
)
async def test_no_content_type_fails_before_a_view_is_asked(cookies: dict[str, str], kind: str) -> None:
    """Django reads its parameters while it makes the request, and the charset before it looks for the CSRF token."""
    body = b'--xx\r\nContent-Disposition: form-data; name="id"\r\n\r\nx\r\n--xx--\r\n'
    token = "x" * 32
    told = cookies | {"Content-Type": kind, "X-CSRFToken": token}
    told["Cookie"] += f"; csrftoken={token}"
    async with asking() as client:
        for path in (
            "/api/attachments",
            "/accounts/login/",
            "/api/schedules",
            "/api/v1/conversations",
            "/feishu/x/events",
        ):
            answer = await client.post(path, content=body, headers=told)
            assert answer.status_code < 500, (path, answer.status_code)


@pytest.mark.parametrize(
    "path", ["/api/conversations", "/api/v1/agents", "/accounts/login/", "/v1/models", "/admin/"]
)
@pytest.mark.parametrize("many", [999, 1_000, 5_000])
async def test_more_parameters_than_django_reads_fail_no_request(
    cookies: dict[str, str], path: str, many: int
) -> None:
    """It counts them while it makes the request if a charset is named, and would answer nothing."""
    told = cookies | {"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer x"}
    async with asking() as client:
        answer = await client.get(f"{path}?{'a=&' * many}", headers=told)
    assert answer.status_code < 500, answer.status_code


async def test_of_two_content_types_the_first_is_taken() -> None:
    seen: list[dict[str, Any]] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    kinds = [(b"content-type", b"text/plain"), (b"content-type", b"a; charset*=zz''x")]
    given = {"type": "http", "path": "/", "query_string": b"", "root_path": "", "headers": kinds}
    await guarded(inner)(given, None, None)
    assert seen[0]["headers"] == kinds[:1]


#: What proxies and frameworks say about where a site stands; a client may say it as well.
STANDING = {
    "Daphne-Root-Path": "/evil",
    "X-Script-Name": "/evil",
    "Script-Name": "/evil",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Path": "/evil",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "6666",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Proto": "https",
    "X_Forwarded_Proto": "https",
    "X-Forwarded-Ssl": "on",
    "Front-End-Https": "on",
    "Forwarded": "host=evil.example;proto=https",
    "X-Host": "evil.example",
    "X-Original-Url": "/admin/",
    "X-Rewrite-Url": "/admin/",
    "X-Http-Method-Override": "DELETE",
}


@pytest.mark.parametrize("name", STANDING)
async def test_W11_no_header_of_a_client_moves_the_site(
    cookies: dict[str, str], settings: Any, name: str
) -> None:
    """Not even behind a proxy, which says the scheme alone; what it says is not to be confused with another name."""
    async with asking() as client:
        plain = await client.get("/c/0192f0c1-2345-7000-8000-000000000001", headers={"Accept": "text/html"})
        moved = await client.get(
            str(plain.request.url), headers={"Accept": "text/html", name: STANDING[name]}
        )
        assert plain.status_code == moved.status_code == 302
        assert moved.headers["location"] == plain.headers["location"]
        shown = [
            (await client.get("/accounts/login/", headers=one)).text for one in ({}, {name: STANDING[name]})
        ]
        assert "evil" not in shown[1] and "6666" not in shown[1]
        boots = [await client.get("/api/boot", headers=cookies | one) for one in ({}, {name: STANDING[name]})]
        assert boots[0].status_code == boots[1].status_code == 200
        assert boots[0].json()["renderers"] == boots[1].json()["renderers"]


@pytest.mark.parametrize("name", ["x_forwarded_proto", "X_Forwarded_Proto", "x-forwarded_proto"])
async def test_W11_a_name_that_only_looks_like_a_proxys_goes_no_further(settings: Any, name: str) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    given = scope("https://chat.example")
    given["headers"].append((name.encode(), b"https"))
    seen: list[dict[str, Any]] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    await guarded(inner)(given, None, None)
    assert not is_own_origin(seen[0])
