"""The short form of `make adversary`: a provider that refuses any one feature kills no conversation (issue T5)."""

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from agents.profiles import all_profiles
from tests.agents.adversary import converse
from tests.support.features import FEATURES

CONVERSATIONS = 200
#: Our proper form has none of the first three, and few conversations have the last two.
NEVER_OR_RARELY = {
    "null content",
    "a user after a result",
    "roles that do not alternate",
    "item ids",
    "replay data",
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


async def test_T5_no_conversation_dies_whatever_its_provider_refuses() -> None:
    met: Counter[str] = Counter()
    profiles: set[str] = set()
    for seed in range(CONVERSATIONS):
        one = await converse(seed)
        met[one.refusal.name] += bool(one.model.refused)
        profiles.add(one.profile.name)
    assert profiles == set(all_profiles())
    assert {name for name, count in met.items() if count} >= set(FEATURES) - NEVER_OR_RARELY
