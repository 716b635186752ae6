"""Every kind of outage: how it begins, how long it lasts, and how it ends. Real servers in real trouble."""

from __future__ import annotations

import contextlib
import random
import resource
from collections.abc import Callable
from dataclasses import dataclass

import redis

from tests.recovery.outages.scene import PASSWORD, USER, OutageScene
from tests.support import faketime
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

Repair = Callable[[], None]
#: Bytes that a file may have while the disk is called full.
FULL = 8_192
#: Seconds by which clocks are wrong.
OFF_S = 600


@dataclass(frozen=True)
class Kind:
    """`begin` breaks something and returns what ends the outage: then everybody should go on, and `scene.whole()` sees
    to what is left to do before the next one. `lasts`: seconds in between, at least and at most."""

    name: str
    begin: Callable[[OutageScene, random.Random], Repair]
    lasts: tuple[float, float]


# ---- Redis --------------------------------------------------------------------------------------------------------


def orderly_failover(scene: OutageScene, _: random.Random) -> Repair:
    """The primary hands over to its replica, as before an upgrade."""
    scene.watched.fail_over()
    return nothing


def rude_failover(scene: OutageScene, _: random.Random) -> Repair:
    """The primary is killed; the Sentinels find out. It comes back as a replica."""
    watched = scene.watched
    before = watched.primary()
    before.kill()

    return lambda: void(watched.wait_for_another(before.port))


def paused_primary(scene: OutageScene, _: random.Random) -> Repair:
    """The primary stands still for so long that its replica is promoted, and then goes on as if nothing had been."""
    before = scene.watched.primary()
    before.pause()
    return before.resume


def _on_primary(begin: list[tuple[str, ...]], end: list[tuple[str, ...]]) -> Callable[..., Repair]:
    def break_it(scene: OutageScene, _: random.Random) -> Repair:
        client = scene.watched.primary().client()
        for command in begin:
            client.execute_command(*command)

        def repair() -> None:
            for command in end:
                client.execute_command(*command)
            client.close()

        return repair

    return break_it


def store_full(scene: OutageScene, _: random.Random) -> Repair:
    """The append-only file cannot grow: what the server takes it cannot keep, so it takes nothing."""
    primary = scene.watched.primary()
    _limit(primary, FULL)
    return lambda: _limit(primary, -1)


def _limit(valkey: Valkey, most: int) -> None:
    assert valkey.process is not None
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(valkey.process.pid, resource.RLIMIT_FSIZE, (most, -1))


def evicted(scene: OutageScene, chance: random.Random) -> Repair:
    """Half of all keys are gone, whichever they are."""
    with scene.watched.primary().client() as client:
        keys = sorted(client.scan_iter(count=1000))
        for key in keys:
            if chance.random() < 0.5:
                client.unlink(key)
    return nothing


def rotated_password(scene: OutageScene, _: random.Random) -> Repair:
    """Our account has another password, and every connection of it is cut; then the one that we know again."""
    _rotate(scene, "another-password")
    return lambda: _rotate(scene, PASSWORD)


def _rotate(scene: OutageScene, password: str) -> None:
    for valkey in scene.watched.valkeys:
        scene.arm(valkey, password)
        with valkey.client() as client:
            client.execute_command("CLIENT", "KILL", "USER", USER)


# ---- PostgreSQL ---------------------------------------------------------------------------------------------------


def no_connections(scene: OutageScene, _: random.Random) -> Repair:
    """Another program takes every connection that comes free."""
    stack = contextlib.ExitStack()
    stack.enter_context(scene.postgres.full("chaos", "app"))
    return stack.close


def bouncer_restart(scene: OutageScene, _: random.Random) -> Repair:
    """pgbouncer is killed and started again."""
    scene.bouncer.kill()
    return lambda: void(scene.bouncer.start())


def database_restart(scene: OutageScene, _: random.Random) -> Repair:
    """PostgreSQL is restarted."""
    scene.postgres.halt()
    return scene.postgres.resume


def database_paused(scene: OutageScene, _: random.Random) -> Repair:
    """PostgreSQL stands still; connections stay open."""
    scene.postgres.pause()
    return scene.postgres.unpause


def database_read_only(scene: OutageScene, _: random.Random) -> Repair:
    """PostgreSQL takes no writes, as a standby does not."""

    def turn(word: str) -> None:
        scene.postgres.execute(f"ALTER SYSTEM SET default_transaction_read_only = {word}")
        scene.postgres.execute("SELECT pg_reload_conf()")

    turn("on")
    return lambda: turn("off")


def database_full(scene: OutageScene, _: random.Random) -> Repair:
    """No file of PostgreSQL's can grow; what it must write to go on ends it."""
    scene.postgres.limit_files(FULL)

    def repair() -> None:
        scene.postgres.limit_files(-1)
        scene.postgres.revive()

    return repair


# ---- processes ----------------------------------------------------------------------------------------------------


def wrong_clocks(scene: OutageScene, chance: random.Random) -> Repair:
    """One web server and one worker are ten minutes ahead or behind, each by itself."""
    labels = ("web2", "worker2")
    for label in labels:
        _start_anew(scene, label, faketime.off_by(chance.choice((OFF_S, -OFF_S))))

    def repair() -> None:
        for label in labels:
            _start_anew(scene, label, faketime.RIGHT)

    return repair


def _start_anew(scene: OutageScene, label: str, env: dict[str, str]) -> None:
    process = scene.system.process(label)
    process.stop()
    process.env = {**process.env, **env}
    before = process.written
    process.start()
    if label.startswith("web"):
        wait_until(lambda: scene.answers(1), 30, f"{label} to answer")
    else:
        wait_until(lambda: process.says(" starts.", before), 30, f"{label} to be there")


def void(_: object) -> None:
    """Nothing is made of it."""


def nothing() -> None:
    """There is nothing to repair."""


def _healthy(scene: OutageScene) -> bool:
    try:
        return scene.system.status("/readyz") == 200
    except redis.RedisError:
        return False


def ready(scene: OutageScene) -> None:
    """Wait until the system says that it is ready (at most 40 s)."""
    wait_until(lambda: _healthy(scene), 40, "the system to be ready")


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("orderly failover", orderly_failover, (0.0, 0.5)),
        Kind("rude failover", rude_failover, (0.0, 0.5)),
        Kind("paused primary", paused_primary, (2.5, 5.0)),
        Kind(
            "read-only window",
            _on_primary([("REPLICAOF", "127.0.0.1", "1")], [("REPLICAOF", "NO", "ONE")]),
            (1.5, 4.0),
        ),
        Kind(
            "out of memory",
            _on_primary([("CONFIG", "SET", "maxmemory", "1")], [("CONFIG", "SET", "maxmemory", "0")]),
            (1.5, 6.0),
        ),
        Kind(
            "no replicas",
            _on_primary(
                [("CONFIG", "SET", "min-replicas-to-write", "3")],
                [("CONFIG", "SET", "min-replicas-to-write", "0")],
            ),
            (1.5, 6.0),
        ),
        Kind("disk full (Redis)", store_full, (2.5, 6.0)),
        Kind("keys evicted", evicted, (0.0, 0.1)),
        Kind("rotated password", rotated_password, (1.0, 4.0)),
        Kind("out of connections", no_connections, (2.0, 6.0)),
        Kind("pgbouncer restarted", bouncer_restart, (0.2, 2.0)),
        Kind("database restarted", database_restart, (0.2, 3.0)),
        Kind("database paused", database_paused, (1.0, 6.0)),
        Kind("database read-only", database_read_only, (1.0, 5.0)),
        Kind("disk full (PostgreSQL)", database_full, (1.5, 4.0)),
        Kind("wrong clocks", wrong_clocks, (4.0, 8.0)),
    )
}
