"""nginx and HAProxy before two web servers, as docs/deployment.md says: below a path, which they strip or leave."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.engines.parts import Front, Trouble
from tests.engines.shelves import Program
from tests.support.ports import claim_port, is_free
from tests.support.postgres import unprivileged_user
from tests.support.processes import ROOT, end
from tests.support.waiting import wait_until

PATH = "/apps/chat"
NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream holdfast {{
        {servers}
    }}
    server {{ listen 127.0.0.1:{strips}; {stripping} }}
    server {{ listen 127.0.0.1:{leaves}; {leaving} }}
}}
"""


def snippet(language: str) -> str:
    """The example of docs/deployment.md in that language."""
    text = (ROOT / "docs/deployment.md").read_text().split("## Below a path")[1]
    found = re.search(rf"```{language}\n(.+?)```", text, re.DOTALL)
    assert found, language
    return found[1].replace("/chat", PATH)


def replaced(text: str, before: str, after: str) -> str:
    """With this in place of that, which must be there."""
    assert before in text, f"docs/deployment.md has no {before!r} in its example"
    return text.replace(before, after)


def nginx(folder: Path, strips: int, leaves: int, ports: list[int]) -> str:
    """A whole configuration: at one port the path is stripped, at the other left."""
    location = replaced(snippet("nginx"), "http://127.0.0.1:8000;", "http://holdfast;")
    return NGINX.format(
        folder=folder,
        servers="\n        ".join(f"server 127.0.0.1:{port};" for port in ports),
        strips=strips,
        leaves=leaves,
        stripping=replaced(location, "http://holdfast;", "http://holdfast/;"),
        leaving=location,
    )


def haproxy(folder: Path, strips: int, leaves: int, ports: list[int]) -> str:
    """As `nginx`: what is after `defaults` is there twice."""
    head, frontend, rest = snippet("haproxy").partition("frontend chat\n")
    rest = frontend + rest
    rest, count = re.subn(r"127\.0\.0\.1:800(\d) ", lambda one: f"127.0.0.1:{ports[int(one[1])]} ", rest)
    assert count == len(ports), "docs/deployment.md has other servers in its example"
    stripping = replaced(rest, "127.0.0.1:80\n", f"127.0.0.1:{strips}\n")
    leaving = re.sub(r"^ *http-request replace-path .*\n", "", rest, flags=re.MULTILINE)
    assert leaving != rest
    leaving = replaced(leaving, "127.0.0.1:80\n", f"127.0.0.1:{leaves}\n")
    leaving = replaced(replaced(leaving, "frontend chat", "frontend left"), "holdfast", "unchanged")
    return f"{head}{stripping}{leaving}"


class Proxied(Front):
    """A program that stands before the web servers with a configuration of its own, never as root."""

    path = PATH
    settings: Mapping[str, str] = {"HOLDFAST_PATH": PATH, "DJANGO_BEHIND_PROXY": "1"}

    def __init__(self, program: Program, kind: str) -> None:
        super().__init__()
        self._program, self._kind = program, kind
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: list[int] = []

    @property
    def said(self) -> list[str]:
        return [self._program.said]

    def start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-front-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._stack.callback(self._end)
        self._as: dict[str, Any] = {}
        if name := unprivileged_user():
            entry = pwd.getpwnam(name)
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)

    def before(self, ports: list[int]) -> list[int]:
        self._ports = [claim_port(), claim_port()]
        write = nginx if self._kind == "nginx" else haproxy
        self._conf = self._folder / "front.conf"
        self._conf.write_text(write(self._folder, self._ports[0], self._ports[1], ports))
        self._run()
        return self._ports

    def _run(self) -> None:
        argv = {
            "nginx": ["-e", "stderr", "-p", str(self._folder), "-c", str(self._conf)],
            "haproxy": ["-db", "-f", str(self._conf)],
        }[self._kind]
        log = self._folder / "front.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [self._program.path, *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self._folder,
                **self._as,
            )

        def listens() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, log.read_text()[-2000:]
            return not any(is_free(port) for port in self._ports)

        wait_until(listens, 15, lambda: f"{self._program.said} to listen\n{log.read_text()[-2000:]}")

    def _end(self) -> None:
        end(self._process)

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return {"the proxy restarts": self._restart}

    def _restart(self) -> None:
        self._end()
        time.sleep(0.5)
        self._run()
