"""What `make engines` decides without a server, and its steps on what every machine has, in a short form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engines import databases, fronts, stores
from tests.engines.combinations import COMBINATIONS, NOT_HAD
from tests.engines.parts import Front
from tests.engines.run import chosen
from tests.engines.scene import EngineScene, Parts
from tests.engines.shelves import NotHad, Shelves
from tests.engines.visit import Visit
from tests.recovery.chaos.run import Plan
from tests.support.processes import ROOT
from tests.support.report import Report
from tests.support.stripping import Stripping

PAGE = (ROOT / "docs/deployment.md").read_text().split("\n## Engines\n")[1].split("\n## ")[0]


def test_the_page_has_a_row_for_each_combination_and_says_what_was_not_tried() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [row for row in rows if row in {one.name for one in COMBINATIONS}] == [
        one.name for one in COMBINATIONS
    ]
    for what in NOT_HAD:
        assert f"| {what} |" in PAGE


def test_combinations_are_chosen_by_name_or_by_words() -> None:
    assert chosen("") == list(COMBINATIONS)
    assert [one.name for one in chosen("+ pgbouncer, SQLITE")] == ["SQLite + Valkey", "+ pgbouncer"]
    assert [one.name for one in chosen("haproxy")] == [
        "+ a path behind HAProxy (older)",
        "+ a path behind HAProxy",
    ]
    assert chosen("oracle") == []


def test_the_proxies_are_configured_as_the_page_says(tmp_path: Path) -> None:
    nginx = fronts.nginx(tmp_path, 81, 82, [8001, 8002])
    assert re.findall(r"listen 127.0.0.1:(\d+);", nginx) == ["81", "82"]
    assert re.findall(r"proxy_pass (\S+);", nginx) == ["http://holdfast/", "http://holdfast"]
    assert nginx.count(f"location {fronts.PATH}/ {{") == 2
    assert "server 127.0.0.1:8001;" in nginx and "server 127.0.0.1:8002;" in nginx
    haproxy = fronts.haproxy(tmp_path, 81, 82, [8001, 8002])
    assert re.findall(r"bind 127.0.0.1:(\d+)", haproxy) == ["81", "82"]
    assert haproxy.count("replace-path") == 1 and haproxy.count(f"path_beg {fronts.PATH}/") == 2
    assert re.findall(r"^(?:frontend|backend) (\w+)", haproxy, re.MULTILINE) == [
        "chat",
        "holdfast",
        "left",
        "unchanged",
    ]
    assert re.findall(r"^ *server \w+ 127.0.0.1:(\d+)", haproxy, re.MULTILINE) == ["8001", "8002"] * 2


def test_a_program_of_another_release_runs_with_its_own_libraries(tmp_path: Path) -> None:
    for name in ("lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "sbin/nginx"):
        (tmp_path / "tree/usr" / name).parent.mkdir(parents=True)
        (tmp_path / "tree/usr" / name).write_text('#!/bin/sh\necho "nginx version: nginx/9.8.7"\n')
        (tmp_path / "tree/usr" / name).chmod(0o755)
    with Shelves() as on:
        on._trees = {"13": tmp_path / "tree", "12": "only root can."}
        found = on.program("13", "nginx")
        assert found.said == "nginx 9.8.7 (Debian 13)"
        libraries = tmp_path / "tree/usr/lib/x86_64-linux-gnu"
        assert f'--library-path "{libraries}" "{tmp_path}/tree/usr/sbin/nginx" "$@"' in found.path.read_text()
        with pytest.raises(NotHad, match="Valkey of Debian 12: only root can. This machine has none"):
            on.program("12", "valkey-server")


def test_what_cannot_be_tried_fails_nothing_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()

    def cannot() -> str:
        raise NotHad("Redis of Debian 12: none.")

    assert not report.show("+ Redis", cannot, leave_out=NotHad)
    assert report.show("SQLite", lambda: "well")
    assert report.end() == 0
    said = capsys.readouterr().out
    assert "Redis of Debian 12: none." in said and said.endswith("1 passed, 0 failed, 1 skipped\n")


class TwoProxies(Front):
    """One that strips the path and one that leaves it, on every machine."""

    path = fronts.PATH
    settings = fronts.Proxied.settings

    def before(self, ports: list[int]) -> list[int]:
        proxies = [Stripping(self.path, port, strip=not number) for number, port in enumerate(ports)]
        return [self._stack.enter_context(proxy).port for proxy in proxies]


@pytest.mark.slow
@pytest.mark.recovery
@pytest.mark.exhaustive
async def test_a_person_goes_through_the_steps_below_a_path(database_template: Path) -> None:
    with Shelves() as on:
        parts = Parts(databases.SQLite(), stores.Socket(on.wheel()), TwoProxies())
        with EngineScene(Plan(seed=1), parts) as scene:
            visit = Visit(scene, {})
            for step in (visit.page, visit.approval, visit.reconnect, visit.stream):
                await step()
            assert visit.seen.counts["files"] > 2
            assert "all by its socket" in parts.store.confirm()
