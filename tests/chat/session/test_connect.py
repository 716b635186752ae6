"""Redis by every kind of address, and what a connection finds out before it is used; over real servers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chat.session.errors import StoreUnavailable, StoreUnusable
from chat.session.store import RedisStore
from tests.support.redis_clients import use_all, use_store
from tests.support.sentinel import NAME, Watched
from tests.support.tls import certificate, tunnel
from tests.support.valkey import Valkey
from tests.support.worlds import IDLE_MS, LOG_ENTRIES

HARD = "p@ss:w/o?r#d%25 é"


def store_at(url: str, **options: Any) -> RedisStore:
    return RedisStore(url, idle_ttl_ms=IDLE_MS, log_entries=LOG_ENTRIES, **options)


async def refused(url: str) -> str:
    """What the store says of an address that it does not get on with."""
    store = store_at(url)
    try:
        with pytest.raises(StoreUnavailable) as problem:
            await store.lease("c1")
        return str(problem.value)
    finally:
        await store.aclose()


async def test_a_password_that_needs_encoding_is_understood_by_all(settings: Any) -> None:
    with Valkey(options=["--requirepass", HARD]) as server:
        await use_all(f"redis://:{quote(HARD, safe='')}@127.0.0.1:{server.port}/0", settings)
        assert "user or password are refused" in await refused(f"redis://:wrong@127.0.0.1:{server.port}/0")
        assert "user or password are refused" in await refused(f"redis://127.0.0.1:{server.port}/0")


async def test_a_user_and_a_database_are_understood_by_all(settings: Any) -> None:
    with Valkey() as server:
        with server.client() as client:
            client.acl_setuser(
                "me:and@you", enabled=True, passwords=[f"+{HARD}"], keys="*", commands=["+@all"]
            )
            client.execute_command("ACL", "SETUSER", "me:and@you", "allchannels")
            client.execute_command("ACL", "SETUSER", "default", "off")
        login = f"{quote('me:and@you', safe='')}:{quote(HARD, safe='')}"
        await use_all(f"redis://{login}@127.0.0.1:{server.port}/3", settings)


async def test_a_socket_on_this_machine_is_understood_by_all(settings: Any) -> None:
    folder = Path(tempfile.mkdtemp(prefix="holdfast socket-"))
    try:
        with Valkey(options=["--unixsocket", str(folder / "redis.sock")]):
            await use_all(f"unix://{quote(str(folder / 'redis.sock'))}?db=2", settings)
    finally:
        shutil.rmtree(folder)


async def test_tls_is_checked_by_all_and_an_expired_certificate_is_called_so(
    settings: Any, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    (tmp_path / "old").mkdir()
    old = certificate(tmp_path / "old", days=-1)
    with Valkey() as server:
        async with tunnel(server.port, cert, key) as port:
            await use_all(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={cert}", settings)
            unknown = await refused(f"rediss://127.0.0.1:{port}/0")
            assert "certificate is not accepted: self-signed certificate" in unknown
        async with tunnel(server.port, *old) as port:
            expired = await refused(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={old[0]}")
            assert expired == "Redis cannot be reached (its certificate has expired)."
            await use_store(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none")


async def test_a_node_of_a_cluster_and_a_sentinel_are_called_so() -> None:
    with Valkey(options=["--cluster-enabled", "yes"]) as node:
        assert "Redis Cluster is not supported" in await refused(node.url)
        with node.client() as client:
            client.execute_command(
                "ACL", "SETUSER", "me", "on", ">secret", "~hf:*", "+@all", "-info", "-cluster"
            )
        store = store_at(f"redis://me:secret@127.0.0.1:{node.port}/0")
        with pytest.raises(StoreUnusable, match="Redis Cluster is not supported"):
            await store.lease("c1")
        await store.aclose()
    with Watched(replicas=0, sentinels=1) as watched:
        message = await refused(f"redis://127.0.0.1:{watched.sentinels[0].port}/0")
        assert "redis+sentinel://host:port" in message


async def test_sentinels_with_passwords_are_understood_by_all(settings: Any) -> None:
    with Watched(replicas=0, sentinels=1, password=HARD, sentinel_password="w@tch") as watched:
        login = f":{quote(HARD, safe='')}@"
        options = "?sentinel_password=w%40tch"
        await use_all(f"redis+sentinel://{login}{watched.places}/{NAME}/1{options}", settings)
        with watched.client(watched.primary_port()) as client:
            client.select(1)
            assert client.exists("streaq:holdfast:queues:normal")
        assert "No master found for 'other'" in await refused(
            f"redis+sentinel://{login}{watched.places}/other/0{options}"
        )


async def test_S6_without_INFO_a_server_has_a_mark_that_a_restart_and_a_copy_do_not_keep() -> None:
    with Valkey(aof=True) as server:

        async def mark() -> str:
            with server.client() as client:
                client.execute_command("ACL", "SETUSER", "me", "on", ">secret", "~hf:*", "+@all", "-info")
            store = store_at(f"redis://me:secret@127.0.0.1:{server.port}/0")
            try:
                return await store._known_server()
            finally:
                await store.aclose()

        first = await mark()
        assert first and await mark() == first
        server.kill()
        server.start()
        second = await mark()
        assert second not in ("", first)
        server.flush()
        assert await mark() not in ("", first, second)
        before = await mark()
        with server.client() as client:
            client.script_flush()
        assert await mark() not in ("", first, second, before)
