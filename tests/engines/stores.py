"""Redis and Valkey in the ways in which people have them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis

from tests.engines.parts import Store, Trouble, rows
from tests.engines.shelves import Program
from tests.support.ports import claim_port
from tests.support.redis_rights import listed, listed_before_7_2
from tests.support.sentinel import NAME, Watched
from tests.support.tls import certificate
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

#: Refused, and gone without: see docs/deployment.md#rights. streaQ tries its stream before it is there.
GONE_WITHOUT = re.compile(r"command info|key [0-9a-f]{32}")


class Single(Store):
    """One server at a port, with an append-only file."""

    valkey: Valkey

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program

    @property
    def said(self) -> list[str]:
        return [self._program.said]

    def start(self) -> None:
        self.valkey = Valkey(aof=True, fsync="everysec", program=self._program.path)
        self._stack.callback(self.valkey.stop)
        self.valkey.options = tuple(self.options(self.valkey.folder))
        self.valkey.start()
        self.url = self.valkey.url

    def options(self, folder: Path) -> Sequence[str]:
        """More of the server's command line."""
        return ()

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {"the store restarts": self._restart}

    def _restart(self) -> None:
        """As a service manager does: told to end, it writes what it has."""
        assert self.valkey.process is not None
        self.valkey.process.terminate()
        self.valkey.process.wait(20)
        time.sleep(1)
        self.valkey.start()

    def client(self) -> redis.Redis:
        return self.valkey.client()

    def users(self) -> list[dict[str, str]]:
        """The connections of everybody but whoever asks."""
        with self.client() as client:
            mine = str(client.client_id())
            return [one for one in rows(client.client_list()) if one["id"] != mine]


class Socket(Single):
    """One server at a unix socket."""

    def options(self, folder: Path) -> Sequence[str]:
        return ("--unixsocket", str(folder / "redis.sock"), "--unixsocketperm", "700")

    def start(self) -> None:
        super().start()
        self.url = f"unix://{self.valkey.folder}/redis.sock?db=0"

    def confirm(self) -> str:
        users = self.users()
        assert users, "nobody is connected"
        others = [one for one in users if "U" not in one["flags"]]
        assert not others, f"not by a unix socket: {others[:3]}"
        return f"{len(users)} connections to Redis, all by its socket"


class Secured(Single):
    """One server that takes TLS with certificates on both sides, and a user with the rights of docs/deployment.md."""

    def options(self, folder: Path) -> Sequence[str]:
        self._port = claim_port()
        cert, key = certificate(folder)
        rights = listed_before_7_2() if " 7.0" in self._program.said else listed()
        users = folder / "users.acl"
        users.write_text(f"user default on nopass ~* &* +@all\nuser app on >s@fe:/? {' '.join(rights)}\n")
        self._ours = f"ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}"
        tls = {"port": self._port, "cert-file": cert, "key-file": key, "ca-cert-file": cert}
        options = [word for name, value in tls.items() for word in (f"--tls-{name}", str(value))]
        return (*options, "--tls-auth-clients", "yes", "--aclfile", str(users))

    def start(self) -> None:
        super().start()
        self.url = f"rediss://app:s%40fe%3A%2F%3F@127.0.0.1:{self._port}/0?{self._ours}"

    def confirm(self) -> str:
        users = self.users()
        assert users, "nobody is connected"
        for one in users:
            assert one["user"] == "app" and one["laddr"].endswith(f":{self._port}"), one
        with self.client() as client:
            refused = {f"{one['reason']} {one['object']}" for one in client.acl_log()}
        more = {one for one in refused if not GONE_WITHOUT.fullmatch(one)}
        assert not more, f"the listed rights are not enough: {more}"
        return f"{len(users)} connections to Redis, all by TLS as the user with the listed rights"


class Sentinels(Store):
    """A primary, its replica and three Sentinels, all of which want passwords."""

    watched: Watched

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program

    @property
    def said(self) -> list[str]:
        return [f"{self._program.said} with three of its Sentinels and a replica"]

    def start(self) -> None:
        self.watched = Watched(
            aof=True, password="p@ss", sentinel_password="s:ntinel", program=self._program.path
        )
        self._stack.callback(self.watched.stop)
        self.watched.start()
        options = "sentinel_password=s%3Antinel"
        self.url = f"redis+sentinel://:p%40ss@{self.watched.places}/{NAME}/0?{options}"

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {"the primary hands over": self._orderly, "the primary is killed": self._rude}

    def _orderly(self) -> None:
        self.watched.fail_over()
        self._whole()

    def _rude(self) -> None:
        before = self.watched.primary()
        before.kill()
        self.watched.wait_for_another(before.port)
        before.start()
        self._whole()

    def _whole(self) -> None:
        wait_until(self.watched.settled, 60, "the Sentinels to know a primary and its replica")

    def client(self) -> redis.Redis:
        return self.watched.client(self.watched.primary_port())
