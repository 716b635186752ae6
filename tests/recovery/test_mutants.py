"""The mutants of `make mutants` fit the code as it is: each still has its place and its tests."""

from __future__ import annotations

import pytest

from tests.recovery.mutant import Mutant
from tests.recovery.mutants import MUTANTS, ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_has_its_place_once_and_a_test_that_exists(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    for argument in mutant.caught_by:
        if argument.endswith((".py", ".ts", ".tsx")):
            assert (ROOT / argument).exists() or (ROOT / "frontend" / argument).exists()
