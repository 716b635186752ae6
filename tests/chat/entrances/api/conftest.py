"""A house with an owner, and the owner's program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.program_house import House, Program, open_house


@pytest.fixture
async def house(transactional_db: None, redis_url: str, sqlite_journal: Any) -> AsyncIterator[House]:
    """Give `house.model` a script before somebody speaks."""
    async with open_house(sqlite_journal) as house:
        yield house


@pytest.fixture
async def program(house: House) -> Program:
    """The owner's, with a token for everything."""
    return Program(await house.token(), "/api/v1")
