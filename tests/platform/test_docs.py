"""The deployment page tells the truth about settings and processes."""

from __future__ import annotations

import re

from scripts import lifecycle_docs
from scripts.processes import PROCESSES
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "deployment.md").read_text()
SETTINGS = (ROOT / "config" / "settings.py").read_text()


def test_every_variable_is_described_and_every_described_one_is_read() -> None:
    read = set(re.findall(r'ENV\.\w+\(\s*"([A-Z_]+)"', SETTINGS)) | {"DATABASE_URL"}
    table = PAGE.split("## Settings")[1].split("\n## ")[0]
    described = set()
    for row in re.findall(r"^\| (`[A-Z_`, ]+`) \|", table, re.MULTILINE):
        described |= set(re.findall(r"`([A-Z_]+)`", row))
    assert described == read


def test_every_process_is_described() -> None:
    table = PAGE.split("## The processes")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(PROCESSES)


def test_commands_that_the_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in ("README.md", "CONTRIBUTING.md", "docs/deployment.md"):
        text = (ROOT / name).read_text()
        for target in re.findall(r"\bmake (run|test|lint|help|tools|protocol|bench|shots|clean)\b", text):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (name, target)
        for command in re.findall(r"manage\.py (\w+)", text):
            known = {"createsuperuser", "migrate", "check"}
            path = ROOT / "chat" / "management" / "commands" / f"{command}.py"
            assert command in known or path.exists(), (name, command)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} links to {link}"


def test_the_diagrams_are_those_of_the_tables() -> None:
    page = lifecycle_docs.PAGE.read_text()
    assert lifecycle_docs.written(page) == page, "run: make protocol"
    assert lifecycle_docs.written(page.replace("queued: run.resumed", "queued: run.renewed")) == page, (
        "a drift would be seen"
    )


def test_the_same_job_has_the_same_file_name_in_every_entrance_and_the_table_has_them_all() -> None:
    table = (ROOT / "docs/architecture.md").read_text().split("| file | its job |")[1].split("\n\n")[0]
    described = set(re.findall(r"^\| `(\w+\.py)` \|", table, re.MULTILINE))
    folders = [path.parent for path in (ROOT / "chat/entrances").glob("*/entrance.py")]
    files = [{path.name for path in folder.glob("*.py")} - {"__init__.py"} for folder in folders]
    assert len(files) >= 4
    shared = {name for names in files for name in names if sum(name in others for others in files) > 1}
    assert shared <= described, "what several entrances do has a line in the table"
    assert described <= set.union(*files), "the table names no file that nobody has"
    assert {"apps.py", "entrance.py", "urls.py"} <= set.intersection(*files)


def test_the_places_that_newcomers_are_sent_to_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.split("## Where do I change …?")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "?" in line]
    assert len(rows) >= 10
    for row in rows:
        paths = re.findall(r"`([^`]+)`", row.split("|")[2])
        assert paths, row
        assert [path for path in paths if not (ROOT / path).exists()] == [], row


def test_paths_that_the_pages_name_exist() -> None:
    named = re.compile(r"`((?:agents|chat|config|demo|scripts|tests|frontend|docs|examples)/[\w./-]+)`")
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        if page.name == "CHANGELOG.md":
            continue
        for path in named.findall(page.read_text()):
            assert (ROOT / path).exists(), f"{page.relative_to(ROOT)} names {path}"
