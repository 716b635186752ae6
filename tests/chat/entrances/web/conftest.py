"""Fixtures of the browser's entrance."""

import pytest

from chat.entrances.web import api
from chat.http.limits import Allowance, Limits


@pytest.fixture(autouse=True)
def _fresh_allowance():
    """Each test's users begin with a full allowance of requests."""
    api.allowance = Allowance(Limits(burst=120, rate=20, flood=10_000))
