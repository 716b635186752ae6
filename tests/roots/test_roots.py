"""What `make roots` decides without a root: which Debians, what is in them, and how one is entered."""

from __future__ import annotations

import re
from pathlib import Path

from tests.roots.root import DEBIANS, NAMED, Root
from tests.support.processes import ROOT


def test_a_root_has_what_the_readme_names_and_nothing_that_it_does_not() -> None:
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"needs Python 3\.11\+, Node 20\+ and make;", readme)
    named = {"python3", "make", "ca-certificates"}
    assert set(NAMED) == named
    for tree in DEBIANS.values():
        assert set(tree.packages) - named <= {"nodejs", "npm", "libstdc++6"}


def test_a_path_reaches_the_inside_as_it_is(tmp_path: Path) -> None:
    where = '/home/mia/50% 对话 here/it\'s "here"'
    line = Root("12", tmp_path).enter("mia", where, "make", "run")
    assert line[-5:] == [str(tmp_path / "debian-12"), "mia", where, "make", "run"]
    assert line[0] == "unshare" and "--kill-child" in line
