"""The locks hold every package with its hashes, and nothing else; the check says so when they do not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from packaging.requirements import Requirement

from scripts import lock
from tests.support.processes import ROOT

NPM = json.loads((ROOT / "frontend" / "package-lock.json").read_text())
ALL = lock.LOCKS | lock.APART
SOURCES = sorted(ALL)


def test_the_locks_fit_the_requirements() -> None:
    assert lock.check() == []


@pytest.mark.parametrize("source", SOURCES)
def test_direct_requirements_are_pinned_exactly(source: str) -> None:
    for requirement in lock.direct(ROOT / source):
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement


@pytest.mark.parametrize("name", [*ALL.values(), *SOURCES, "frontend/package-lock.json", "pyproject.toml"])
def test_no_lock_names_a_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"index-url|find-links|trusted-host|registry\.", text)
    assert '"resolved"' not in text


def changed(edit: Callable[[str], str]) -> list[str]:
    """What the check says about the run-time lock after an edit."""
    text = (ROOT / "requirements.lock").read_text()
    assert edit(text) != text
    return list(lock.faults(list(lock.direct(ROOT / "requirements.txt")), edit(text)))


def without(name: str) -> Callable[[str], str]:
    """Cut a package out of a lock."""
    return lambda text: re.sub(rf"^{name}==.*(\n[ #].*)*\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (without("channels"), "does not have channels==4.3.2"),
        (without("asgiref"), "which another package needs"),
        (without("hiredis"), "does not have hiredis"),
        (lambda text: text.replace("channels==4.3.2", "channels==4.3.1"), "does not have channels==4.3.2"),
        (lambda text: text.replace("asgiref==", "asgiref>="), "without an exact version or without a hash"),
        (lambda text: text + "ruff==0.17.6\n", "has ruff without an exact version or without a hash"),
        (lambda text: text + f"ruff==0.17.6 {lock.HASH}{'0' * 64}\n", "has ruff, which nothing needs"),
        (lambda text: f"--index-url https://example.com\n{text}", "names a host"),
    ],
    ids=["direct", "transitive", "extra", "version", "range", "hash", "superfluous", "host"],
)
def test_the_check_finds_a_lock_that_does_not_fit(edit: Callable[[str], str], said: str) -> None:
    assert any(said in problem for problem in changed(edit)), changed(edit)


def test_an_unknown_package_says_what_to_do() -> None:
    wanted = [Requirement("holdfast-was-never-installed==1.0")]
    text = f"holdfast-was-never-installed==1.0 {lock.HASH}{'0' * 64}\n"
    assert list(lock.faults(wanted, text)) == [
        "cannot be checked: holdfast-was-never-installed is not installed; run make tools"
    ]


def packages() -> dict[str, dict[str, Any]]:
    """The packages of the frontend's lock by their folder, without the frontend itself."""
    return {folder: package for folder, package in NPM["packages"].items() if folder}


def test_every_npm_package_has_its_hash() -> None:
    """What lies inside another package's archive (`inBundle`) has that one's."""
    assert len(packages()) > 100
    bare = [
        folder
        for folder, package in packages().items()
        if not package.get("integrity", "").startswith("sha512-") and not package.get("inBundle")
    ]
    assert bare == []


def test_the_npm_lock_holds_every_platform() -> None:
    """Otherwise `npm ci` refuses it on the platforms that are missing."""
    for folder, package in packages().items():
        for name in package.get("optionalDependencies", {}):
            assert {f"node_modules/{name}", f"{folder}/node_modules/{name}"} & packages().keys(), name


def test_a_lock_of_another_environment_is_held_to_its_requirements_too() -> None:
    """What is installed there cannot be seen from here; that every pin is exact and every direct one is in it, can."""
    source, name = next(iter(lock.APART.items()))
    wanted, text = list(lock.direct(ROOT / source)), (ROOT / name).read_text()
    assert list(lock.faults_apart(wanted, text)) == []
    newer = [Requirement(f"{one.name}==999.0") for one in wanted]
    assert list(lock.faults_apart(newer, text)) == [f"does not have {one}" for one in newer]
