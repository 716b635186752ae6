"""Registries on loopback for pip and npm, with one small package each, that can keep who asks waiting."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

#: The package, for both.
NAME, VERSION = "holdfast-small", "1.0"
MODULE = "holdfast_small"
#: Modules of which it consists.
MODULES = 20
WHEEL = f"{MODULE}-{VERSION}-py3-none-any.whl"
#: What a build asks for when it has written half.
BUILT = "/built"
#: Seconds for which somebody is kept waiting at most.
LONGEST_S = 60


def _wheel() -> bytes:
    info = f"{MODULE}-{VERSION}.dist-info"
    files = {f"{MODULE}/part{number}.py": "whole = True\n" for number in range(MODULES)}
    files[f"{MODULE}/__init__.py"] = ""
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: ours\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return written.getvalue()


def _tarball() -> bytes:
    told = json.dumps({"name": NAME, "version": f"{VERSION}.0", "main": "index.js"})
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, text in (("package.json", told), ("index.js", "module.exports = true;\n")):
            one = tarfile.TarInfo(f"package/{name}")
            one.size = len(text)
            archive.addfile(one, io.BytesIO(text.encode()))
    return written.getvalue()


class Registry:
    """Serves while it is entered; `asked` is what was asked for, `held` the paths at which people wait."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held: dict[str, threading.Event] = {}
        self._files = {f"/{WHEEL}": _wheel(), "/small.tgz": _tarball(), BUILT: b"yes"}
        self._files[f"/simple/{NAME}/"] = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                if (held := registry.held.get(self.path)) is not None:
                    held.wait(LONGEST_S)
                body = registry._files.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                if self.path.endswith("/"):
                    self.send_header("Content-Type", "text/html")
                self.end_headers()
                try:
                    self.wfile.write(body or b"")
                except OSError:
                    pass  # who had asked was killed

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Registry:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        for path in list(self.held):
            self.let_go(path)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @cached_property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self, *paths: str) -> None:
        """From now on nobody gets these."""
        self.held |= {path: threading.Event() for path in paths}

    def let_go(self, path: str) -> None:
        """Who waits gets it, and who comes later."""
        self.held.pop(path).set()

    def environment(self, cache: Path) -> dict[str, str]:
        """What pip and npm are told, so that they ask nobody else and keep nothing anywhere else."""
        return {
            "PIP_INDEX_URL": f"{self.address}/simple/",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_NO_CACHE_DIR": "1",
            "npm_config_userconfig": "/dev/null",
            "npm_config_cache": str(cache),
            "npm_config_fetch_retries": "0",
            "npm_config_update_notifier": "false",
        }

    def wanted_by_pip(self) -> str:
        """A lock."""
        digest = hashlib.sha256(self._files[f"/{WHEEL}"]).hexdigest()
        return f"{NAME}=={VERSION} --hash=sha256:{digest}\n"

    def wanted_by_npm(self) -> tuple[str, str]:
        """A package.json whose build writes half, asks here, and writes the rest; and its lock."""
        build = (
            "import { mkdirSync, writeFileSync } from 'node:fs';"
            "mkdirSync('dist/assets', { recursive: true }); mkdirSync('dist/.vite', { recursive: true });"
            "writeFileSync('dist/assets/half.js', '');"
            f"await fetch('{self.address}{BUILT}');"
            "writeFileSync('dist/assets/whole.js', '');"
        )
        needed = {NAME: f"{VERSION}.0"}
        package = {
            "name": "page",
            "version": "1.0.0",
            "dependencies": needed,
            "scripts": {"build": f'node --input-type=module -e "{build}"'},
        }
        digest = base64.b64encode(hashlib.sha512(self._files["/small.tgz"]).digest()).decode()
        there = {
            "version": f"{VERSION}.0",
            "resolved": f"{self.address}/small.tgz",
            "integrity": f"sha512-{digest}",
        }
        lock = {
            "name": "page",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {
                "": {"name": "page", "version": "1.0.0", "dependencies": needed},
                f"node_modules/{NAME}": there,
            },
        }
        return json.dumps(package), json.dumps(lock)
