"""What all measurements share: a running Holdfast, the bare relay beside it, and numbers from /proc."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from tests.support.ports import claim_port
from tests.support.processes import Stack, clean_environment
from tests.support.template import make_sqlite
from tests.support.valkey import Valkey
from tests.support.wire import login

ROOT = Path(__file__).resolve().parent.parent
#: Sockets that one person opens in a measurement; a few less than the server allows.
PER_PERSON = 40
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    what: str
    holdfast: str
    baseline: str
    ratio: str
    aim: str = ""
    #: What others took, where they were measured in the same run.
    peers: str = ""


class Place:
    """A Holdfast with its processes, and the bare relay on the same Valkey: `with Place() as place`."""

    def __init__(
        self, folder: Path, *, processes: Sequence[str] = ("web", "worker"), env: dict[str, str] | None = None
    ):
        self.valkey = Valkey(aof=True, fsync="everysec")
        self.stack = Stack(
            template=make_sqlite(folder),
            valkey=self.valkey,
            env=env,
        )
        self._wanted = processes
        self._relay: subprocess.Popen[bytes] | None = None
        self.relay_port = claim_port()

    def __enter__(self) -> "Place":
        self.valkey.start()
        self.stack.__enter__()
        for name in self._wanted:
            self.stack.start(name)
        env = clean_environment(BENCH_REDIS=self.stack.valkey.url)
        argv = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self.relay_port)]
        self._relay = subprocess.Popen([*argv, "bench.baseline:application"], cwd=ROOT, env=env)
        _wait_for_port(self.relay_port)
        return self

    def __exit__(self, *details: object) -> None:
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait(10)
        self.stack.__exit__(*details)
        self.valkey.stop()

    @property
    def relay_pid(self) -> int:
        """The process id of the bare relay."""
        assert self._relay is not None
        return self._relay.pid

    @property
    def relay_url(self) -> str:
        """The WebSocket address of the bare relay."""
        return f"ws://127.0.0.1:{self.relay_port}/"

    def cookies(self) -> str:
        """A login of Alice."""
        return login(self.stack.address, "alice", "alice-password")

    def people(self, count: int) -> list[tuple[int, str]]:
        """(id, cookies) of so many people who are logged in. One person may have only so many sockets."""
        from django.contrib.auth import get_user_model
        from django.test import Client

        found = []
        for number in range(count):
            user, _ = get_user_model().objects.get_or_create(username=f"bench{number}")
            client = Client()
            client.force_login(user)
            found.append((user.pk, f"sessionid={client.cookies['sessionid'].value}"))
        return found

    def redis(self) -> "Redis":
        """A client of the Valkey that both sides use."""
        return Redis.from_url(self.stack.valkey.url, socket_timeout=None, decode_responses=True)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kib(pid: int) -> float:
    """Resident memory of a process (proc(5), statm field 2)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1024


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def _wait_for_port(port: int, seconds: float = 20) -> None:
    async def check() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    end = time.monotonic() + seconds
    while not asyncio.run(check()):
        if time.monotonic() > end:
            raise RuntimeError("The bare relay did not start.")
        time.sleep(0.1)
