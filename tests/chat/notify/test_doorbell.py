"""Bells over a real Valkey: they reach who joined, carry no data, and fail nothing."""

import asyncio
from typing import Any

import pytest
from channels.layers import channel_layers

from chat.notify import doorbell


@pytest.fixture
async def layer(settings: Any, redis_url: str):
    configured = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": configured}
    channel_layers.backends = {}
    made = channel_layers["default"]
    yield made
    await made.flush()
    await made.close_pools() if hasattr(made, "close_pools") else None
    channel_layers.backends = {}


async def heard(layer: Any, channel: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        return await layer.receive(channel)


async def test_a_ring_reaches_who_joined_and_nobody_else(layer: Any):
    alice, bob = await layer.new_channel(), await layer.new_channel()
    await doorbell.join(doorbell.conversation_group("c1"), alice)
    await doorbell.join(doorbell.user_group(7), alice)
    await doorbell.join(doorbell.conversation_group("c2"), bob)
    assert await doorbell.ring_conversation("c1")
    assert await heard(layer, alice) == {"type": "conversation.ring", "conversation": "c1"}
    assert await doorbell.ring_user(7)
    assert await heard(layer, alice) == {"type": "user.ring"}
    await doorbell.leave(doorbell.conversation_group("c1"), alice)
    assert await doorbell.ring_conversation("c1")
    assert await doorbell.ring_conversation("c2")
    assert (await heard(layer, bob))["conversation"] == "c2"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await layer.receive(alice)


async def test_a_bell_that_cannot_be_rung_fails_nothing(settings: Any, caplog: Any):
    broken = {**settings.CHANNEL_LAYERS["default"], "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]}}
    settings.CHANNEL_LAYERS = {"default": broken}
    channel_layers.backends = {}
    assert await doorbell.ring_conversation("c1") is False
    assert await doorbell.ring_user(7) is False
    assert "could not be rung" in caplog.text
    channel_layers.backends = {}


async def test_without_a_channel_layer_there_is_no_bell(settings: Any):
    settings.CHANNEL_LAYERS = {}
    assert await doorbell.ring_conversation("c1") is False
    await doorbell.join(doorbell.user_group(7), "channel")
    await doorbell.leave(doorbell.user_group(7), "channel")
