"""Below a path, whether the proxy strips it or not; and which paths may be one."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver

from chat.http.mount import mounted
from config.values import OURS, prefix


async def seen(kind: str, path: str, below: str) -> Any:
    """The path that the application is told."""
    told: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        told.append(scope["path"])

    await mounted(application, below)({"type": kind, "path": path}, None, None)
    return told[0]


@pytest.mark.parametrize("came", ["/chat/c/1", "/c/1"])
async def test_both_proxies_come_to_the_same(came: str) -> None:
    assert await seen("http", came, "/chat") == "/chat/c/1"
    assert await seen("websocket", came.replace("c/1", "ws"), "/chat") == "/ws"


async def test_the_root_of_it_and_what_only_begins_alike() -> None:
    assert await seen("http", "/chat", "/chat") == "/chat/"
    assert await seen("http", "/", "/chat") == "/chat/"
    assert await seen("http", "/chatter", "/chat") == "/chat/chatter"


async def test_without_a_path_nothing_is_changed() -> None:
    assert await seen("http", "/c/1", "") == "/c/1"


@pytest.mark.parametrize(("given", "path"), [("", ""), ("/", ""), ("/chat", "/chat"), ("/a/b-c/", "/a/b-c")])
def test_paths(given: str, path: str) -> None:
    assert prefix("HOLDFAST_PATH", given) == path


@pytest.mark.parametrize("given", ["chat", "//chat", "/a//b", "/a b", "/../x", "/chat?x", "/聊天"])
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="HOLDFAST_PATH must be a path like /chat"):
        prefix("HOLDFAST_PATH", given)


@pytest.mark.parametrize("given", ["/c", "/api/chat", "/admin", "/static"])
def test_a_path_that_is_ours_is_refused(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="as addresses of Holdfast itself do"):
        prefix("HOLDFAST_PATH", given)


def test_all_that_is_ours_is_known() -> None:
    first = {str(one.pattern).split("/")[0] for one in flat(get_resolver().url_patterns)} - {""}
    assert first <= OURS, "a path of this name would be taken for one of ours"


def flat(patterns: Any) -> list[Any]:
    """The patterns with those of what they include at the root."""
    found = []
    for one in patterns:
        inner = getattr(one, "url_patterns", None)
        found += flat(inner) if inner is not None and str(one.pattern) == "" else [one]
    return found
