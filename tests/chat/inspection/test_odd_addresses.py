"""Every address of the admin with odd ids and numbers in it: nothing there is ever an error of ours."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver
from django.urls.converters import IntConverter, PathConverter, SlugConverter, StringConverter, UUIDConverter

from tests.support import rows
from tests.support.more import more_of

HUGE = "9" * 30
TEXTS = (
    "1",
    "0",
    "-1",
    HUGE,
    "x",
    "é💧",
    "a" * 300,
    "00000000-0000-0000-0000-000000000000",
    "None",
    "1.5",
    "' OR 1",
)
ODD = {
    IntConverter: ("0", "1", str(2**31), str(2**63), HUGE),
    UUIDConverter: ("00000000-0000-0000-0000-000000000000", str(uuid.UUID(int=2**128 - 1))),
    StringConverter: TEXTS,
    SlugConverter: ("x", "1"),
    PathConverter: (*TEXTS, "a/b", "_2F"),
}
#: Queries that lists and pages may be asked with.
QUERIES = ("", "?p=99999999999999999999", "?q=%F0%9F%92%A7", "?before=x&other=y&from=-1&with=x", "?o=99.-1")


def addresses(patterns: Any = None, before: str = "/admin/") -> Iterator[tuple[str, list[Any]]]:
    """Every address of the site: its route and the converters in it."""
    for pattern in admin.site.get_urls() if patterns is None else patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not route.endswith("$"):
            yield route, list(pattern.pattern.converters.items())


def filled(route: str, converters: list[Any], row: Any, most: int = 60) -> Iterator[str]:
    """The address with odd things in the place of each of its parameters, and with a row that there is."""
    kinds = [(*([str(row.pk)] if name == "object_id" else []), *ODD[type(one)]) for name, one in converters]
    for values in itertools.islice(itertools.product(*kinds), most):
        address = route
        for (name, _), value in zip(converters, values, strict=True):
            start = address.index("<")
            end = address.index(">", start)
            assert name in address[start:end]
            address = address[:start] + value + address[end + 1 :]
        yield address


def test_the_walk_finds_all_of_them() -> None:
    found = [route for route, _ in addresses()]
    assert len(found) > 100
    for part in ("r/<path", "/request/<int:seq>/replay/", "compare", "/import/", "keys/", "auth/user/"):
        assert any(part in route for route in found), part


@pytest.mark.parametrize("most", more_of(2, 60))
def test_no_odd_address_is_an_error_of_ours(client: Any, charlie: Any, alice: Any, most: int) -> None:
    row = rows.conversation(alice)
    rows.step(row, rows.run(row, 2), 3, "said", {"name": "look"})
    client.force_login(charlie)
    client.raise_request_exception = False
    failed: list[str] = []
    fields = itertools.cycle(("", "x", "id", "%00", "pk", "password"))
    for route, converters in addresses():
        if "logout" in route:
            continue
        asked = (
            filled(route, converters, row, most) if converters else (f"{route}{query}" for query in QUERIES)
        )
        for address in asked:
            response = client.get(address)
            # A row's page may be asked for by a field of its own (`_to_field`); of each address in turn another way.
            if response.status_code < 400 and "?" not in address:
                response = client.get(f"{address}?_to_field={next(fields)}")
            if response.status_code >= 500:
                failed.append(f"GET {address}: {response.status_code}")
    assert failed == []


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_a_row_is_not_found_by_a_field_without_a_name(
    client: Any, charlie: Any, alice: Any, page: str
) -> None:
    row = rows.conversation(alice)
    client.force_login(charlie)
    address = f"/admin/chat/conversation/{row.pk}/{page}/"
    assert client.get(f"{address}?_to_field=").status_code == 400
    assert client.post(address, {"_to_field": ""}).status_code == 400


@pytest.mark.exhaustive
def test_what_is_written_to_an_odd_address_is_no_error_of_ours(client: Any, charlie: Any, alice: Any) -> None:
    row = rows.conversation(alice)
    client.force_login(charlie)
    client.raise_request_exception = False
    failed: list[str] = []
    for route, converters in addresses():
        for address in itertools.islice(filled(route, converters, row), 14) if converters else ():
            response = client.post(address, {"target": "provider:" + "9" * 40 + ":x", "command": "x"})
            if response.status_code >= 500:
                failed.append(f"POST {address}: {response.status_code}")
    assert failed == []


@pytest.mark.parametrize("id", ["1", "x", "é", "9" * 40])
def test_view_on_site_finds_nothing_of_any_kind_of_row(client: Any, charlie: Any, id: str) -> None:
    client.force_login(charlie)
    kinds = list(ContentType.objects.values_list("pk", flat=True))
    assert len(kinds) > 20
    for kind in kinds:
        assert client.get(f"/admin/r/{kind}/{id}/").status_code == 404
