"""Every door of real processes on PostgreSQL, attacked for a while: a short form of `make hostile` (HOLDFAST_FUZZ).

The frames that a fault prints can be sent again as they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chat.entrances.triggers.senders import SENDERS
from tests.hostile import asking, described, hooks, routes, run, watching
from tests.hostile.asking import Asked
from tests.hostile.house import House, house
from tests.hostile.machines import signed
from tests.hostile.watching import TRACES
from tests.support.more import more_of
from tests.support.processes import ROOT, clean_environment

COUNT = int(os.environ.get("HOLDFAST_FUZZ", "100"))
EXAMPLES = int(os.environ.get("HOLDFAST_SCHEMATHESIS", "6"))
#: Coverage takes a minute, whatever the number of examples.
PHASES = "examples,coverage,fuzzing,stateful" if "HOLDFAST_SCHEMATHESIS" in os.environ else "fuzzing"
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "14"))
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "unsupported_method"),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def where() -> Iterator[House]:
    with house(postgres=True, strangers=8) as made:
        yield made


@pytest.mark.parametrize("door", more_of(*run.DOORS, always=("socket", "hooks", "api")))
async def test_no_door_is_surprised(where: House, door: str) -> None:
    report = await run.attack(where, door, COUNT, SEED)
    print("\n".join(report.lines()))
    assert report.faults == []
    assert report.frames >= COUNT
    if door == "hooks":
        assert report.answers["200"] + report.answers["202"] > COUNT / 5, "hardly any delivery was taken"


def test_each_kind_of_sender_signs_here() -> None:
    for sender in SENDERS:
        assert signed(sender, "s", b"{}", "1", "m1"), sender


async def test_no_route_answers_whoever_is_not_logged_in(where: House) -> None:
    """What the page asks is 401, pages of people go to the login; what is open to all is named here."""
    open_to_all = {
        "/healthz",
        "/readyz",
        "/accounts/login/",
        "/admin/login/",
        "/admin/jsi18n/",
        *routes.STATIC,
    }
    for route in (one for one in routes.of_browsers() if one.path not in open_to_all):
        path = route.path
        for name, kind in route.kinds:
            path = path.replace(f"{{{name}}}", where.bob.conversation if kind == "uuid" else "chat")
        for method in route.methods or ("GET",):
            answer = await asking.ask(where.stack.web_port, Asked(method, path))
            expected = (401, 403, 405) if route.is_json else (302, 301, 403, 404, 405, 200)
            assert answer.status in expected, (method, path, answer.status)
            assert answer.status != 200 or method == "OPTIONS", (method, path)


async def test_a_large_form_is_read_by_nobody_who_has_not_asked_for_it(where: House) -> None:
    """Twisted would read it in the event loop, at any address: three seconds and 350 MB for 20 MB of fields."""
    pid = where.stack.process("web").pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = watching.peak(pid)
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        body = (
            b"a=1&" if "url" in kind else b"--a\r\nContent-Disposition: form-data; name=b\r\n\r\n\r\n"
        ) * 300_000
        answer = await asking.ask(
            where.stack.web_port, Asked("POST", "/healthz", (("Content-Type", kind),), body + b"--a--\r\n")
        )
        assert answer.status < 500
    assert watching.peak(pid) - before < 60 << 20


def test_the_description_of_the_pages_views_has_all_of_them() -> None:
    found = described.description()
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []
    assert set(found["paths"]) == {
        one.path for one in routes.every() if one.is_json and not one.path.endswith("{rest}")
    }


@pytest.mark.exhaustive
async def test_what_the_page_asks_is_asked_by_schemathesis(where: House, tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text(json.dumps(described.description()))
    (tmp_path / "sessions").write_text("\n".join(f"{one.cookies}\t{one.csrf}" for one in where.strangers))
    before = where.stack.process("web").written
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", "page.json", "--url", where.stack.address),
        *("--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", str(SEED)),
        *("--request-timeout", "60", "--no-color", "--generation-database", "none", "--phases", PHASES),
        # What has U+0000 ends at the border, without a word (tests/chat/http/test_borders.py).
        *("--generation-allow-x00", "false"),
        cwd=tmp_path,
        env=clean_environment(
            PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]),
            SCHEMATHESIS_HOOKS="tests.hostile.hooks",
            **{hooks.SESSIONS: str(tmp_path / "sessions")},
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    told = out.decode()
    print(told[-2_000:])
    assert process.returncode == 0, told[-12_000:]
    log = where.stack.process("web").log.read_bytes()[before:]
    assert not TRACES.search(log), log[-8_000:]
