"""What strangers expect of a repository is there, valid by its published schema, and says the same as the code."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from scripts import lock
from tests.support.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.github-issue-forms": [GITHUB / "ISSUE_TEMPLATE/bug.yml", GITHUB / "ISSUE_TEMPLATE/feature.yml"],
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "vendor.compose-spec": [ROOT / "docker-compose.yml"],
}


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the tools of the tests' environment."""
    program = Path(sys.executable).parent / argv[0]
    return subprocess.run([program, *argv[1:]], cwd=ROOT, capture_output=True, text=True)


def check(schema: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """Hold files to a published schema."""
    return run("check-jsonschema", "--builtin-schema", schema, *files)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_for_others_are_valid(schema: str) -> None:
    assert SCHEMAS[schema]
    done = check(schema, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_workflow_that_is_not_valid_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "runs-in:"))
    assert check("vendor.github-workflows", broken).returncode != 0


def test_workflows_have_no_known_security_fault() -> None:
    """Actions by their hash, no rights beyond what is needed, nothing of a stranger's inside a shell."""
    done = run("zizmor", "--offline", "--no-progress", GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_before_a_commit_are_valid() -> None:
    done = run("pre-commit", "validate-config")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_two_commands_run_on_every_supported_python() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows/test.yml").read_text())["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == PYTHONS
    commands = "\n".join(step.get("run", "") for step in jobs["test"]["steps"])
    assert "make run" in commands
    assert "make test" in commands


def test_supported_pythons_are_the_same_everywhere() -> None:
    project = PROJECT["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert named == PYTHONS
    assert project["requires-python"] == f">={PYTHONS[0]}"
    assert lock.OLDEST_PYTHON == PYTHONS[0]
    text = (ROOT / "scripts/bootstrap.py").read_text()
    assert re.findall(r'"python(3\.\d+)"', text) == PYTHONS[::-1]
    assert f"python:{PYTHONS[0]}-slim" in (ROOT / "Dockerfile").read_text()


def test_the_changelog_has_what_comes_above_what_was_released() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    for heading in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading), heading
    assert headings[1].split()[0] == PROJECT["project"]["version"]


def test_the_build_system_is_the_one_that_the_tests_use() -> None:
    wanted = {str(one) for one in lock.direct(ROOT / "requirements-dev.txt")}
    assert set(PROJECT["build-system"]["requires"]) <= wanted


def test_editors_break_lines_where_the_formatter_does() -> None:
    config = configparser.ConfigParser()
    config.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert config["*.py"]["max_line_length"] == str(PROJECT["tool"]["ruff"]["line-length"])


@pytest.mark.parametrize(
    "name", ["LICENSE", "README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/releasing.md"]
)
def test_the_page_is_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 500
