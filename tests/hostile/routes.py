"""Every address of the server and its methods, read from its URL configuration: a route that is added is attacked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

from tests.hostile import described

_NAMED = re.compile(r"\(\?P<(\w+)>[^()]*\)")
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
#: Where the doors for programs and for other machines are; all else is the browser's.
PROGRAMS = ("/api/v1/", "/v1/")
#: What a middleware answers before any route is looked for.
STATIC = ("/static/{rest}", "/static/admin/css/base.css")
MACHINES = ("/hooks/", "/feishu/")


@dataclass(frozen=True)
class Route:
    """An address, like `/api/schedules/{schedule}/run`; `kinds` are the converters of its parameters, by name. Empty
    `methods`: the view itself sees to them."""

    path: str
    kinds: tuple[tuple[str, str], ...]
    methods: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        """Whether it is one that the page asks (chat/http/pages.py)."""
        return self.path.startswith("/api/") and not self.path.startswith(PROGRAMS)


@cache
def every() -> tuple[Route, ...]:
    """All routes; several of one address are one."""
    found: dict[str, Route] = {}
    for route in _walk(get_resolver().url_patterns, "/"):
        old = found.get(route.path)
        if old is not None:
            route = Route(route.path, route.kinds, (*old.methods, *route.methods))
        found[route.path] = route
    for path in STATIC:
        found[path] = Route(path, (("rest", "path"),) if "{rest}" in path else (), ("GET", "HEAD"))
    return tuple(found.values())


def of(prefixes: tuple[str, ...]) -> list[Route]:
    """Those below one of these."""
    return [one for one in every() if one.path.startswith(prefixes)]


def of_browsers() -> list[Route]:
    """Those that a browser asks: pages, JSON views, the admin."""
    return [one for one in every() if not one.path.startswith((*PROGRAMS, *MACHINES))]


def _walk(patterns: Any, base: str) -> Iterator[Route]:
    for one in patterns:
        path = base + _readable(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, path)
        else:
            view = getattr(one.callback, "view_class", None)
            names = getattr(view, "http_method_names", ()) if view is not None else ()
            names = names or _asked_by_the_page().get(_PARAMETER.sub(r"{\2}", path), ())
            kinds = tuple((name, kind or "str") for kind, name in _PARAMETER.findall(path))
            methods = tuple(name.upper() for name in names)
            yield Route(_PARAMETER.sub(r"{\2}", path), kinds, methods)


@cache
def _asked_by_the_page() -> dict[str, tuple[str, ...]]:
    """The methods of what the page asks, by address."""
    paths = described.description()["paths"]
    return {path: tuple(name.upper() for name in operations) for path, operations in paths.items()}


def _readable(pattern: Any) -> str:
    text = str(pattern)
    if isinstance(pattern, RegexPattern):
        text = _NAMED.sub(r"<\1>", text.strip("^$"))
    return text.replace("[\\s\\S]*", "<path:rest>")
