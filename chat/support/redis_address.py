"""Redis' address (REDIS_URL), taken apart once for all who connect there, and the names that are used there.

    redis://[user:password@]host[:port][/db]            one server; rediss:// with TLS
    unix://[user:password@]/path/to/socket[?db=0]       a socket on this machine
    redis+sentinel://[user:password@]host[:port],host[:port]…/name[/db]
                                                        whoever the Sentinels call the primary `name`; rediss+sentinel://
                                                        with TLS to the Sentinels, too

User and password may be percent-encoded, and `@ : / ? # %` in them must be. Options after `?`: db, username,
password, ssl_ca_certs, ssl_certfile, ssl_keyfile (paths), ssl_cert_reqs (required, optional, none), ssl_check_hostname
(1, 0), and sentinel_username and sentinel_password for the Sentinels themselves.

redis-py, coredis (under streaQ) and channels-redis read addresses differently: coredis takes `%40` in a password as it
stands, none of them knows Sentinels in an address, and each checks certificates in its own way. So none of them gets to
see ours: they are given what it says, in their own words. Pure; nothing here connects.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

#: How keys and channels of an installation begin unless it says otherwise.
DEFAULT_PREFIX = "hf"
#: Seconds that a Sentinel may take. There are others to ask.
SENTINEL_TIMEOUT_S = 1.0
#: Seconds in which a connection must come about.
CONNECT_TIMEOUT_S = 5.0

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
OPTIONS = frozenset(
    {
        "db",
        "username",
        "password",
        "sentinel_username",
        "sentinel_password",
        "ssl_ca_certs",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_cert_reqs",
        "ssl_check_hostname",
    }
)
CERT_REQS = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:]+)(?::(?P<port>\d{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")

#: Have the kernel notice within a minute that the other machine has vanished, where nothing else would for hours.
KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {
        "TCP_KEEPIDLE": 20,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 30_000,
    }.items()
    if hasattr(socket, name)
}


class BadAddress(ValueError):
    """An address that cannot be meant. The text says what to write and repeats nothing of it."""


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is. `hosts`: the server, or the Sentinels if `primary` names what they watch; none with a `path`."""

    hosts: tuple[tuple[str, int], ...]
    primary: str = ""
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    #: The options that begin with ssl_; None without TLS.
    tls: Mapping[str, str] | None = None

    @property
    def sentinels(self) -> tuple[tuple[str, int], ...]:
        """The Sentinels; none if the address is the server's own."""
        return self.hosts if self.primary else ()

    @property
    def location(self) -> str:
        """Of one server: an address without secrets that redis-py and coredis read alike."""
        assert not self.primary, "whoever is behind a name is found by asking"
        if self.path:
            return f"unix://{quote(self.path)}?db={self.db}"
        host, port = self.hosts[0]
        shown = f"[{host}]" if ":" in host else quote(host)
        return f"{'rediss' if self.tls is not None else 'redis'}://{shown}:{port}/{self.db}"

    # ---- in redis-py's words ----

    def login(self) -> dict[str, Any]:
        """User, password and how certificates are checked."""
        return {"username": self.username, "password": self.password, **self._ssl_options()}

    def sentinel_login(self) -> dict[str, Any]:
        """The same for the Sentinels, which are asked briefly."""
        return {
            "username": self.sentinel_username,
            "password": self.sentinel_password,
            "socket_timeout": SENTINEL_TIMEOUT_S,
            "socket_connect_timeout": SENTINEL_TIMEOUT_S,
            **({"ssl": True} if self.tls is not None else {}),
            **self._ssl_options(),
        }

    def _ssl_options(self) -> dict[str, Any]:
        if self.tls is None:
            return {}
        options: dict[str, Any] = {
            name: self.tls[name]
            for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
            if name in self.tls
        }
        return options | {"ssl_cert_reqs": self._cert_reqs, "ssl_check_hostname": self._check_hostname}

    @property
    def _cert_reqs(self) -> str:
        return (self.tls or {}).get("ssl_cert_reqs", "required")

    @property
    def _check_hostname(self) -> bool:
        wanted = (self.tls or {}).get("ssl_check_hostname", "1")
        return wanted.lower() not in ("0", "false", "no") and self._cert_reqs != "none"

    # ---- in channels-redis' words ----

    def for_channels(self) -> dict[str, Any]:
        """An entry of `hosts`. redis-py 8 closes a socket that was silent for 5 s and refuses the 101st connection,
        unless both are set."""
        common = {
            **self.login(),
            "socket_timeout": None,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "health_check_interval": 30,
            "max_connections": 10_000,
        }
        if not self.path:
            common |= {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
        if not self.primary:
            return {"address": self.location, **common}
        return {
            "sentinels": list(self.hosts),
            "master_name": self.primary,
            "sentinel_kwargs": self.sentinel_login(),
            "db": self.db,
            **({"ssl": True} if self.tls is not None else {}),
            **common,
        }

    # ---- in streaQ's words, which are coredis' ----

    def for_streaq(self, silence_s: float) -> dict[str, Any]:
        """Arguments of `streaq.Worker`. `silence_s`: the longest that it waits for an entry; a server that says nothing
        for a while longer has vanished."""
        common: dict[str, Any] = {
            "username": self.username,
            "password": self.password,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "stream_timeout": silence_s + CONNECT_TIMEOUT_S,
        }
        if self.tls is not None:
            common["ssl_context"] = self._ssl_context()
        if not self.primary:
            return {"redis_url": self.location, "redis_kwargs": {**common, "decode_components": True}}
        sentinel = {
            "username": self.sentinel_username,
            "password": self.sentinel_password,
            "connect_timeout": SENTINEL_TIMEOUT_S,
            "stream_timeout": SENTINEL_TIMEOUT_S,
        }
        if self.tls is not None:
            sentinel["ssl_context"] = common["ssl_context"]
        return {
            "sentinel_nodes": list(self.hosts),
            "sentinel_master": self.primary,
            "sentinel_kwargs": sentinel,
            "redis_kwargs": {**common, "db": self.db},
        }

    def _ssl_context(self) -> ssl.SSLContext:
        """The same checks as redis-py makes with these options."""
        assert self.tls is not None
        context = ssl.create_default_context(cafile=self.tls.get("ssl_ca_certs"))
        context.check_hostname = self._check_hostname
        context.verify_mode = CERT_REQS[self._cert_reqs]
        if "ssl_certfile" in self.tls:
            context.load_cert_chain(self.tls["ssl_certfile"], self.tls.get("ssl_keyfile"))
        return context


def parse(url: str) -> RedisAddress:
    """Take an address apart. Raises BadAddress."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadAddress(f"must be an address like redis://host:6379/0. {_ENCODE}") from None
    if parts.scheme not in SCHEMES:
        raise BadAddress(
            "must start with " + ", ".join(f"{s}://" for s in SCHEMES[:-1]) + f" or {SCHEMES[-1]}://."
        )
    if parts.fragment or "#" in url:
        raise BadAddress(f"has a # in it. {_ENCODE}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - OPTIONS):
        # Part of a password, most likely, if it has a question mark in it.
        shown = unknown[0] if re.fullmatch(r"(ssl|socket|sentinel)_\w{1,40}", unknown[0]) else "one"
        raise BadAddress(f"has options that mean nothing here ({shown}). {_ENCODE}")
    if options.get("ssl_cert_reqs", "required") not in CERT_REQS:
        raise BadAddress("has an ssl_cert_reqs that is none of required, optional and none.")
    userinfo, _, places = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    common: dict[str, Any] = {
        "username": unquote(username) or options.get("username") or None,
        "password": unquote(password) or options.get("password") or None,
        "tls": tls if parts.scheme.startswith("rediss") else None,
    }
    if parts.scheme == "unix":
        path = unquote(parts.path)
        if places or not path.startswith("/") or path == "/":
            raise BadAddress("must name the socket like unix:///path/to/socket?db=0.")
        return RedisAddress((), path=path, db=_db(options.get("db", "")), **common)
    if parts.scheme in ("redis", "rediss"):
        hosts = _hosts(places or "localhost", 6379)
        if len(hosts) != 1:
            raise BadAddress(
                "names several hosts. For Sentinels write redis+sentinel://host:26379,host:26379/name."
            )
        return RedisAddress(hosts, db=_db(options.get("db", parts.path.strip("/"))), **common)
    name, _, db = parts.path.strip("/").partition("/")
    if not name or not places:
        raise BadAddress(
            "must name Sentinels and what they call the primary: redis+sentinel://host:26379,host:26379/name/0."
        )
    return RedisAddress(
        _hosts(places, 26379),
        primary=unquote(name),
        db=_db(options.get("db", db)),
        sentinel_username=options.get("sentinel_username") or None,
        sentinel_password=options.get("sentinel_password") or None,
        **common,
    )


_ENCODE = "In a user or password write %40 for @, %3A for :, %2F for /, %3F for ?, %23 for # and %25 for %."


def _hosts(places: str, default_port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for place in places.split(","):
        match = _HOST.fullmatch(unquote(place))
        if match is None or int(match["port"] or default_port) not in range(1, 65536):
            raise BadAddress(f"has a host or port that is none. {_ENCODE}")
        found.append((match["host"].strip("[]"), int(match["port"] or default_port)))
    return tuple(found)


def _db(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal():
        raise BadAddress(f"must end with the number of a database, such as /0. {_ENCODE}")
    return int(text)


def check_prefix(prefix: str) -> None:
    """Raises BadAddress if keys must not begin so."""
    if not _PREFIX.fullmatch(prefix) or prefix in (queue_name(DEFAULT_PREFIX), "streaq"):
        raise BadAddress(
            "must be 1 to 32 letters, digits, dots, hyphens and underscores, and neither holdfast nor streaq."
        )


def queue_name(prefix: str) -> str:
    """What streaQ calls the queue of an installation; its keys begin with `streaq:` and this."""
    return "holdfast" if prefix == DEFAULT_PREFIX else prefix
