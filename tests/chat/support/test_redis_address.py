"""REDIS_URL is taken apart once, and each client is given the same in its own words."""

from __future__ import annotations

import pytest
from redis.asyncio.connection import parse_url

from chat.support.redis_address import BadAddress, check_prefix, parse, queue_name

HARD = "p@ss:w/o?r#d%25"
ENCODED = "p%40ss%3Aw%2Fo%3Fr%23d%2525"


def test_one_server_with_all_that_an_address_may_say() -> None:
    found = parse(
        f"rediss://us%2Fer:{ENCODED}@cache.example:6390/3?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=0"
    )
    assert (found.hosts, found.db) == ((("cache.example", 6390),), 3)
    assert (found.username, found.password) == ("us/er", HARD)
    assert found.location == "rediss://cache.example:6390/3"
    assert found.login() == {
        "username": "us/er",
        "password": HARD,
        "ssl_ca_certs": "/etc/ca.pem",
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": False,
    }
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("url", "host", "port", "db", "path"),
    [
        ("redis://", "localhost", 6379, 0, None),
        ("redis://cache", "cache", 6379, 0, None),
        ("redis://cache/2", "cache", 6379, 2, None),
        ("redis://cache:1?db=4", "cache", 1, 4, None),
        ("redis://[::1]:7000/1", "::1", 7000, 1, None),
        ("unix:///run/a%20b/redis.sock?db=5", None, None, 5, "/run/a b/redis.sock"),
        ("unix://:secret@/run/redis.sock", None, None, 0, "/run/redis.sock"),
    ],
)
def test_addresses_that_redis_py_knows_mean_what_they_mean_to_it(
    url: str, host: str | None, port: int | None, db: int, path: str | None
) -> None:
    """redis-py is the witness: its own parser reads our address without secrets, and the original, alike."""
    found = parse(url)
    assert (found.hosts, found.db, found.path or None) == (((host, port),) if host else (), db, path)
    theirs, again = parse_url(url), parse_url(found.location)
    assert again.get("host") == theirs.get("host", host)
    assert again.get("port") == theirs.get("port", port)
    assert again.get("db") == theirs.get("db", 0)
    assert again.get("path") == theirs.get("path")
    assert found.password == theirs.get("password")


def test_sentinels_are_named_with_what_they_call_the_primary() -> None:
    found = parse(
        f"rediss+sentinel://me:{ENCODED}@one:26380,two,[::1]:3/my%20primary/2"
        "?sentinel_username=watch&sentinel_password=a%26b"
    )
    assert found.sentinels == (("one", 26380), ("two", 26379), ("::1", 3))
    assert (found.primary, found.db, found.password) == ("my primary", 2, HARD)
    assert found.sentinel_login()["username"] == "watch"
    assert found.sentinel_login()["password"] == "a&b"
    channels = found.for_channels()
    assert channels["master_name"] == "my primary" and channels["ssl"] is True and channels["db"] == 2
    streaq = found.for_streaq(15)
    assert streaq["sentinel_nodes"] == list(found.hosts) and streaq["sentinel_master"] == "my primary"
    assert streaq["sentinel_kwargs"]["password"] == "a&b" and streaq["redis_kwargs"]["password"] == HARD
    assert "redis_url" not in streaq and "address" not in channels


def test_the_queue_checks_certificates_as_the_store_does() -> None:
    strict = parse("rediss://cache").for_streaq(1)["redis_kwargs"]["ssl_context"]
    assert strict.check_hostname and strict.verify_mode.name == "CERT_REQUIRED"
    loose = parse("rediss://cache?ssl_cert_reqs=none").for_streaq(1)["redis_kwargs"]["ssl_context"]
    assert not loose.check_hostname and loose.verify_mode.name == "CERT_NONE"
    assert "ssl_context" not in parse("redis://cache").for_streaq(1)["redis_kwargs"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:6379", "must start with redis://"),
        ("http://cache", "must start with redis://"),
        ("redis://:se#kret@cache/0", "write %40 for @"),
        ("redis://:se/kret@cache:6379/0", "write %40 for @"),
        ("redis://:se?kret@cache:6379/0", "write %40 for @"),
        ("redis://cache:port/0", "host or port that is none"),
        ("redis://cache:66000/0", "host or port that is none"),
        ("redis://cache/zero", "number of a database"),
        ("redis://one,two/0", r"redis\+sentinel://"),
        ("redis://cache?socket_timeout=1", r"mean nothing here \(socket_timeout\)"),
        ("rediss://cache?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        ("redis+sentinel://one,two", "what they call the primary"),
        ("redis+sentinel:///name", "what they call the primary"),
        ("redis+sentinel://one/name/zero", "number of a database"),
        ("unix://run/redis.sock", "unix:///path/to/socket"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(url: str, message: str) -> None:
    with pytest.raises(BadAddress, match=message) as refused:
        parse(url)
    assert "kret" not in str(refused.value)


def test_prefixes_keep_installations_apart() -> None:
    """No key of one begins as those of another do, the queue's included; the default's are those of 0.1.0."""
    assert queue_name("hf") == "holdfast"
    for prefix in ("hf", "staging", "A-1_b.c"):
        check_prefix(prefix)
    for prefix in ("", "holdfast", "streaq", "a:b", "a*", "a b", "{a}", "x" * 33, ".a"):
        with pytest.raises(BadAddress):
            check_prefix(prefix)
