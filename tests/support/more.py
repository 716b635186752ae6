"""More cases of one kind: `make test` tries some of them, `make test-long` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def more_of(*cases: Any, always: int | Iterable[Any] = 1) -> list[Any]:
    """Cases for `parametrize`. Those in `always`, or so many from the front, are tried with every `make test`; the
    others bear the mark `exhaustive`, because they fail for the same reason."""
    kept = cases[:always] if isinstance(always, int) else tuple(always)
    return [case if case in kept else pytest.param(case, marks=pytest.mark.exhaustive) for case in cases]
