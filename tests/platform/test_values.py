"""Values from the environment are taken by type, and a bad one is refused with what to set instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.values import Values, database, email

BASE = Path("/srv/holdfast")


@pytest.mark.parametrize(
    ("text", "flag"), [("1", True), ("TRUE", True), (" on ", True), ("0", False), ("no", False), ("", False)]
)
def test_flag(text: str, flag: bool) -> None:
    assert Values({"X": text}).flag("X", default=not flag) is flag


def test_unset_values_take_their_defaults() -> None:
    values = Values({"EMPTY": "  "})
    assert values.flag("X", True) is True
    assert values.number("X", 7) == 7
    assert values.number("EMPTY", 7) == 7
    assert values.text("EMPTY", "d") == "d"
    assert values.names("EMPTY", ("a",)) == ["a"]


def test_a_choice_is_one_of_its_words() -> None:
    assert Values({"X": " Zh-Hans "}).choice("X", "en", ("en", "zh-hans")) == "zh-hans"
    assert Values({}).choice("X", "en", ("en", "zh-hans")) == "en"
    with pytest.raises(ImproperlyConfigured, match="X must be one of: en, zh-hans."):
        Values({"X": "klingon"}).choice("X", "en", ("en", "zh-hans"))


def test_names_are_split_at_commas() -> None:
    assert Values({"X": "a, b,,c "}).names("X") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", "X must be a whole number, between 1 and 9."),
        ("0", "X is 0; it must be between 1 and 9."),
        ("10", "X is 10; it must be between 1 and 9."),
    ],
)
def test_bad_number_is_refused_with_its_limits(text: str, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{message}$"):
        Values({"X": text}).number("X", 5, least=1, most=9)


def test_bad_flag_and_address_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="X must be 1 or 0"):
        Values({"X": "maybe"}).flag("X")
    with pytest.raises(ImproperlyConfigured, match="X must start with redis:// or rediss://"):
        Values({"X": "localhost:6379"}).url("X", "", ("redis", "rediss"))


def test_a_switch_decides_by_itself_unless_somebody_does() -> None:
    for automatic in (True, False):
        assert Values({}).switch("X", automatic=automatic) is automatic
        assert Values({"X": " Auto "}).switch("X", automatic=automatic) is automatic
        assert Values({"X": "on"}).switch("X", automatic=automatic) is True
        assert Values({"X": "off"}).switch("X", automatic=automatic) is False
    with pytest.raises(ImproperlyConfigured, match="X must be auto, on or off"):
        Values({"X": "maybe"}).switch("X", automatic=True)


def test_sqlite_paths() -> None:
    assert database("D", "sqlite:////var/lib/a.sqlite3", BASE)["NAME"] == "/var/lib/a.sqlite3"
    assert database("D", "sqlite:///data/a.sqlite3", BASE)["NAME"] == "/srv/holdfast/data/a.sqlite3"


def test_postgres_address() -> None:
    found = database("D", "postgres://me:p%40ss@db.example:5433/hold%20fast?sslmode=require", BASE)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "me",
        "p@ss",
        "db.example",
        "5433",
        "hold fast",
    )
    assert found["OPTIONS"]["sslmode"] == "require"
    assert "target_session_attrs" not in found["OPTIONS"]


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgres://app@db/x", "db", ""),
        ("postgres://app@[::1]:5433/x", "::1", "5433"),
        ("postgres:///x", "", ""),
        ("postgres://app@:5433/x?host=/run/postgresql", "/run/postgresql", "5433"),
        ("postgres://app@%2Frun%2Fpostgresql/x", "/run/postgresql", ""),
        ("postgres:///x?host=/run/postgresql&port=5433", "/run/postgresql", "5433"),
    ],
)
def test_where_postgres_is(url: str, host: str, port: str) -> None:
    found = database("D", url, BASE)
    assert (found["HOST"], found["PORT"]) == (host, port)


@pytest.mark.parametrize(
    ("url", "port", "wanted"),
    [
        ("postgres://app@one:5432,two:5433/x", "5432,5433", "read-write"),
        ("postgres://app@one,two/x", "", "read-write"),
        ("postgres://app@one:5433,two/x", "5433,", "read-write"),
        ("postgres://app@/x?host=one,two&port=5432,5433", "5432,5433", "read-write"),
        ("postgres://app@one,two/x?target_session_attrs=primary", "", "primary"),
    ],
)
def test_of_several_servers_of_postgres_the_one_that_takes_writes_is_wanted(
    url: str, port: str, wanted: str
) -> None:
    found = database("D", url, BASE)
    assert (found["HOST"], found["PORT"]) == ("one,two", port)
    assert found["OPTIONS"]["target_session_attrs"] == wanted
    assert {"host", "port"}.isdisjoint(found["OPTIONS"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ("dummy", None, None, None, None)),
        ("console:", ("console", None, None, None, None)),
        ("smtp://me%40x:p%40ss@mail.example:2525", ("smtp", "mail.example", 2525, False, True)),
        ("smtp://mail.example", ("smtp", "mail.example", 587, False, True)),
        ("smtp://127.0.0.1:25?tls=0", ("smtp", "127.0.0.1", 25, False, False)),
        ("smtps://mail.example", ("smtp", "mail.example", 465, True, False)),
    ],
)
def test_email_address(url: str, expected: tuple[object, ...]) -> None:
    found = email("E", url)
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_SSL", "EMAIL_USE_TLS")
    assert (found["EMAIL_BACKEND"].split(".")[-2], *(found.get(name) for name in names)) == expected
    if "@" in url:
        assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me@x", "p@ss")
    assert email("E", "file:///var/mails")["EMAIL_FILE_PATH"] == "/var/mails"


@pytest.mark.parametrize(
    "url", ["mail.example", "smtp://", "http://me:hunter2@x", "smtp://me:hunter2@x:y", "file:"]
)
def test_bad_email_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^E must be smtp://") as refused:
        email("E", url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@db/x",
        "sqlite://",
        "sqlite://host/path",
        "postgres://me:hunter2@db",
        "postgres://db:x/y",
        "postgres://db:5432,other:70000/y",
        "",
    ],
)
def test_bad_database_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(
        ImproperlyConfigured, match="^D must be sqlite:///path/to/file or postgres://"
    ) as refused:
        database("D", url, BASE)
    assert "hunter2" not in str(refused.value)
