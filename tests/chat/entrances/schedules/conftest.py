"""A house with schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chat.session.sessions import Sessions
from tests.chat.entrances.schedules.house import House, prepare
from tests.support.worlds import MemoryWorld


@pytest.fixture(autouse=True)
def clock_file(settings: Any, tmp_path: Path) -> Path:
    """The clock of schedules, which tests move."""
    path = tmp_path / "ahead"
    path.write_text("0")
    settings.HOLDFAST_TEST_CLOCK = str(path)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return path


@pytest.fixture
async def house(
    transactional_db: None, sqlite_journal: Any, alice: Any, clock_file: Path
) -> AsyncIterator[House]:
    await prepare()
    made = House(Sessions(MemoryWorld.make(600_000).store, sqlite_journal), alice, clock_file)
    yield made
    await made.close()
