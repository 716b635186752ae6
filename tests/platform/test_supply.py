"""What is known of the packages that we pass on: their faults are asked for, and a release says which they are."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts import audit, sbom
from scripts.environments import python
from tests.support.more import more_of
from tests.support.ports import claim_port


@pytest.fixture(scope="module", autouse=True)
def tools() -> Path:
    """The environment of both, which is made at the first time."""
    return python("audit")


# ---- the audit, against databases that speak as the real ones do ----

NPM = json.loads((audit.FRONTEND / "package-lock.json").read_text())["packages"]
FAULT = {"npm": "https://github.com/advisories/GHSA-of-lowlight", "python": "PYSEC-of-channels"}


def osv_fault(name: str, fault: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": fault, "summary": "a fault", "affected": affected, "modified": "2026-01-01T00:00:00Z"}


def npm_fault(name: str, url: str) -> dict[str, Any]:
    told = {"id": 1, "url": url, "title": f"a fault of {name}", "severity": "high"}
    # The tools of ours need a newer version of the known one.
    below = "4.17.5" if name == audit.KNOWN_NPM[0] else "99.0.0"
    return told | {"vulnerable_versions": f"<{below}", "cwe": [], "cvss": {"score": 0, "vectorString": None}}


class Database(BaseHTTPRequestHandler):
    """OSV and npm's registry in one. `known`: the faults that it knows, by package; None: it has no advisories."""

    known: dict[str, str] | None = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = json.loads(body)
        if self.known is None:
            self.send_error(404)
        elif self.path == "/v1/query":
            name = asked["package"]["name"]
            faults = [osv_fault(name, self.known[name])] if name in self.known else []
            if name == audit.KNOWN_PYTHON[0] and asked["version"] != audit.KNOWN_PYTHON[1]:
                faults = []
            self._tell({"vulns": faults} if faults else {})
        else:
            self._tell({name: [npm_fault(name, self.known[name])] for name in asked if name in self.known})

    def do_GET(self) -> None:
        """What there is of a package: the version that is asked about."""
        name = self.path.strip("/").replace("%2f", "/")
        version = NPM.get(f"node_modules/{name}", {}).get("version", audit.KNOWN_NPM[1])
        self._tell({"name": name, "versions": {version: {"name": name, "version": version}}})

    def _tell(self, said: Any) -> None:
        data = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def asks(
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[[dict[str, str] | None], tuple[int, str, str]]]:
    """Asks databases that know these faults: the exit status of `make audit`, and what it said."""
    servers: list[ThreadingHTTPServer] = []

    def ask(known: dict[str, str] | None) -> tuple[int, str, str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Knows", (Database,), {"known": known}))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_address[1]}"
        status = audit.main(["--osv-url", f"{at}/v1/query", "--registry", f"{at}/"])
        return status, *capfd.readouterr()

    yield ask
    for server in servers:
        server.shutdown()
        server.server_close()


KNOWN = {audit.KNOWN_PYTHON[0]: "PYSEC-old", audit.KNOWN_NPM[0]: "https://github.com/advisories/GHSA-old"}


@pytest.mark.exhaustive
def test_no_known_fault_is_no_fault(asks: Any) -> None:
    status, said, complained = asks(KNOWN)
    assert (status, complained) == (0, "")
    assert said == "Python packages: 0 known faults.\nnpm packages: 0 known faults.\n"


@pytest.mark.exhaustive
def test_a_known_fault_is_told_with_its_package_and_what_to_do(asks: Any) -> None:
    status, said, complained = asks({**KNOWN, "channels": FAULT["python"], "lowlight": FAULT["npm"]})
    assert status == 1 and complained == ""
    assert f"channels 4.3.2: {FAULT['python']} (mended in 99.1)" in said
    version = NPM["node_modules/lowlight"]["version"]
    assert f"lowlight {version}: {FAULT['npm']} (high" in said


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({}, "which has many"),
        pytest.param(None, "said", marks=pytest.mark.exhaustive),
    ],
    ids=["knows nothing", "has no advisories"],
)
def test_a_database_that_knows_nothing_is_no_answer(asks: Any, known: Any, why: str) -> None:
    status, said, complained = asks(known)
    assert status == 2
    assert complained.count("NOT CHECKED") == 2 and complained.count(why) >= 1
    assert "known faults" not in said and "The audit has failed" in complained


def test_without_a_route_the_audit_fails_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    at = f"http://127.0.0.1:{claim_port()}"
    assert audit.main(["--osv-url", f"{at}/v1/query", "--registry", f"{at}/"]) == 2
    said, complained = capfd.readouterr()
    assert complained.count("NOT CHECKED") == 2 and "known faults" not in said


def test_every_pin_of_every_lock_is_asked_about() -> None:
    pins = audit.pins()
    assert {("channels", "4.3.2"), ("pip-audit", "2.10.1")} <= pins
    asked = [pin for one in audit.rounds(pins) for pin in one]
    assert sorted(asked) == sorted(pins)
    for one in audit.rounds(pins):
        assert len({name for name, _ in one}) == len(one)


def test_a_report_that_is_not_whole_is_no_answer() -> None:
    known = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "x", "fix_versions": [], "aliases": []}]}
    asked = {("channels", "4.3.2")}
    whole = {"dependencies": [known, {"name": "channels", "version": "4.3.2", "vulns": []}]}
    assert audit.python_findings([whole], asked) == []
    for broken, why in (
        ({"dependencies": [known]}, "nothing about 1 packages, such as channels"),
        ({"dependencies": [known, {"name": "channels", "skip_reason": "not found"}]}, "not found"),
        ({"dependencies": whole["dependencies"][1:]}, "which has many"),
        ("Internal error", "Internal error"),
    ):
        with pytest.raises(audit.NoAnswer, match=why):
            audit.python_findings([broken], asked)


# ---- the bills of materials ----


@cache
def bills() -> dict[str, tuple[sbom.Bill, Any]]:
    return {
        "python": (sbom.python_bill(), sbom.python_pins()),
        "frontend": (sbom.frontend_bill(), sbom.frontend_pins()),
    }


@pytest.mark.parametrize("kind", more_of("frontend", "python"))
def test_a_bill_is_valid_and_holds_every_package(kind: str) -> None:
    bill, pins = bills()[kind]
    assert [*sbom.faults(bill), *sbom.missing(bill, pins)] == []
    assert len(bill["components"]) >= len(pins) > 50
    names = {one["name"] for one in bill["components"]}
    assert {"python": {"django", "channels"}, "frontend": {"react", "react-dom", "katex"}}[kind] <= names
    assert not names & {"pytest", "vitest", "typescript"}


@pytest.mark.parametrize("kind", more_of("python", "frontend"))
def test_a_bill_with_a_fault_is_not_kept(kind: str) -> None:
    bill, pins = bills()[kind]
    first = bill["components"][0]
    for change, why in (
        (lambda one: one["components"].pop(0), f"lacks {first['name']}"),
        (lambda one: one["components"].append(first), "two components"),
        (lambda one: one["components"][0].update(type="thing"), "'thing' is not one of"),
        (lambda one: one.update(specVersion="9.9"), "no version of CycloneDX"),
        (lambda one: one["components"][0].pop("name"), "'name' is a required property"),
    ):
        broken = deepcopy(bill)
        change(broken)
        said = [
            *sbom.faults(broken),
            *(sbom.missing(broken, pins) if "name" in broken["components"][0] else []),
        ]
        assert any(why in line for line in said), (why, said[:3])


def test_a_package_without_its_hash_is_noticed() -> None:
    bill, pins = bills()["python"]
    broken = deepcopy(bill)
    for origin in broken["components"][0]["externalReferences"]:
        origin["hashes"] = [{"alg": "SHA-256", "content": "0" * 64}]
    assert [line for line in sbom.missing(broken, pins) if "without its hash" in line]


@pytest.mark.exhaustive
def test_the_release_has_them(tmp_path: Path) -> None:
    assert sbom.main(["--to", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"holdfast-{sbom.version()}-frontend.cdx.json",
        f"holdfast-{sbom.version()}-python.cdx.json",
    ]
    workflow = (sbom.ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "make sbom" in workflow and "build/*.cdx.json" in workflow and "make audit" in workflow
