"""nginx before a web server, with the configuration that docker-compose.yml gives it (deploy/proxy/nginx.conf)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.place import ROOT, _wait_for_port
from tests.engines.shelves import Shelves
from tests.support.ports import claim_port
from tests.support.postgres import unprivileged_user
from tests.support.processes import end

CONFIGURATION = ROOT / "deploy" / "proxy" / "nginx.conf"
#: The Debian whose nginx it is.
DEBIAN = "12"


class Nginx:
    """`with Nginx(port_of_the_web_server) as nginx: nginx.port`. Raises shelves.NotHad where there is none."""

    def __init__(self, web_port: int) -> None:
        self.port = claim_port()
        self._web_port = web_port
        self._shelves = Shelves()
        self._process: subprocess.Popen[Any] | None = None

    @property
    def pid(self) -> int:
        """Of the process that began the others."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Nginx:
        self._shelves.__enter__()
        program = self._shelves.program(DEBIAN, "nginx")
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-nginx-"))
        put = {
            "listen 8080 ": f"listen 127.0.0.1:{self.port} ",
            "http://web:8000": f"http://127.0.0.1:{self._web_port}",
            "/tmp/": f"{self._folder}/",
            "@RESOLVER@": "127.0.0.1",
            "@BEHIND@": "0",
            "@BODY@": "25m",
        }
        text = CONFIGURATION.read_text()
        for before, after in put.items():
            assert before in text, f"{CONFIGURATION.name} has no {before!r}"
            text = text.replace(before, after)
        path = self._folder / "nginx.conf"
        path.write_text(text)
        who: dict[str, Any] = {}
        if name := unprivileged_user():
            entry = pwd.getpwnam(name)
            who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
        argv = [program.path, "-e", "stderr", "-p", self._folder, "-c", path, "-g", "daemon off;"]
        quiet = subprocess.DEVNULL  # it tells of every try while nobody is behind it
        self._process = subprocess.Popen(
            argv, stdin=quiet, stdout=quiet, stderr=quiet, cwd=self._folder, **who
        )
        _wait_for_port(self.port)
        return self

    def __exit__(self, *details: object) -> None:
        end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._shelves.__exit__(*details)
