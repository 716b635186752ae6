"""Everybody who connects to Redis, with one address: the store, the queue, the doorbell's layer, Django's cache."""

from __future__ import annotations

import asyncio
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.cache.backends.redis import RedisCache
from streaq import Worker

from chat.runs.queue import streaq_options
from chat.session.connect import channels_host
from chat.session.store import RedisStore
from tests.support.worlds import IDLE_MS, LOG_ENTRIES

PREFIX = "hf"


async def use_all(url: str, settings: Any) -> None:
    """Have each of them do what it is there for; whatever one raises, raises."""
    settings.HOLDFAST_REDIS_URL = url
    await use_store(url)
    await use_layer(url)
    await use_queue()
    await asyncio.to_thread(use_cache, url)


async def use_store(url: str, **options: Any) -> None:
    """A lease, taken and given back."""
    store = RedisStore(url, idle_ttl_ms=IDLE_MS, log_entries=LOG_ENTRIES, prefix=PREFIX, **options)
    try:
        assert await store.acquire("c1", "me", 1_000)
        await store.release("c1", "me")
    finally:
        await store.aclose()


async def use_layer(url: str) -> None:
    """A message from a group to a channel."""
    layer = RedisPubSubChannelLayer(hosts=[channels_host(url)], prefix=f"{PREFIX}:bell")
    try:
        channel = await layer.new_channel()
        await layer.group_add("g", channel)
        await layer.group_send("g", {"type": "ring"})
        assert (await layer.receive(channel))["type"] == "ring"
    finally:
        pools = [shard._redis.connection_pool for shard in layer._get_layer()._shards if shard._redis]
        await layer.flush()
        for pool in pools:
            if hasattr(pool, "sentinel_manager"):  # channels-redis leaves these to the end of the process
                await pool.sentinel_manager.aclose()


async def use_queue() -> None:
    """An entry, as the settings say; nobody takes it."""
    async with Worker(**streaq_options()) as client:
        await client.enqueue_many([client.enqueue_unsafe("nothing")])


def use_cache(url: str) -> None:
    """A value, kept and read."""
    cache = RedisCache(
        url,
        {"KEY_PREFIX": f"{PREFIX}:cache", "OPTIONS": {"pool_class": "chat.session.connect.CachePool"}},
    )
    cache.set("a", 1, 10)
    assert cache.get("a") == 1
    client: Any = cache._cache
    pool = client._get_connection_pool(write=True)
    pool.disconnect()
    if hasattr(pool, "sentinel_manager"):
        for sentinel in pool.sentinel_manager.sentinels:
            sentinel.close()
