"""Servers of others that `make engines` puts beside or before Holdfast: found, installed where that may be, started on
loopback in a folder of their own."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from scripts.prepare import apt_install, can_apt
from tests.support.ports import claim_port
from tests.support.waiting import wait_until

#: Programs by their Debian packages.
PACKAGES = {
    "redis-server": "redis-server",
    "nginx": "nginx-light",
    "haproxy": "haproxy",
    "pgbouncer": "pgbouncer",
}
#: Below this path Holdfast is, behind these proxies.
PATH = "/chat"
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
HAPROXY = """
global
    maxconn 200
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend outside
    bind 127.0.0.1:{port}
    default_backend holdfast
backend holdfast
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto http
    {strip}
    option httpchk GET /healthz
    http-check send hdr Host localhost
    server web 127.0.0.1:{web} check inter 1s
"""


class Missing(Exception):
    """A program is not there; the text names the package."""


def find(name: str) -> str:
    """The path of a program, installed where it may be. Raises Missing."""
    for _ in range(2):
        if found := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
            return found
        if not (can_apt() and apt_install(PACKAGES[name])):
            break
    raise Missing(f"Install the package `{PACKAGES[name]}`.")


def version(name: str) -> str:
    """What the program calls its version."""
    option = {"redis-server": "--version", "nginx": "-v", "haproxy": "-v", "pgbouncer": "--version"}[name]
    done = subprocess.run([find(name), option], capture_output=True, text=True)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    assert found, done
    return found[0]


def documented_location(web: int) -> str:
    """The block for nginx that docs/deployment.md shows, to another port."""
    text = (Path(__file__).resolve().parents[2] / "docs/deployment.md").read_text()
    found = re.search(r"```nginx\n(location /chat/.+?\n\})\n```", text, re.DOTALL)
    assert found, "docs/deployment.md shows no location for nginx"
    return found[1].replace("127.0.0.1:8000", f"127.0.0.1:{web}")


class Front:
    """A real nginx or HAProxy with Holdfast below PATH: `with Front("nginx", web, strip=False) as front:`."""

    def __init__(self, name: str, web: int, *, strip: bool) -> None:
        self.name, self.port = name, claim_port()
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-front-"))
        self._file = self.folder / f"{name}.conf"
        if name == "nginx":
            location = documented_location(web)
            if strip:
                location = location.replace(f"127.0.0.1:{web};", f"127.0.0.1:{web}/;")
            text = NGINX.format(folder=self.folder, port=self.port, location=location)
        else:
            rule = f"http-request replace-path {PATH}/(.*) /\\1" if strip else ""
            text = HAPROXY.format(port=self.port, web=web, strip=rule)
        self._file.write_text(text)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def __enter__(self) -> Front:
        option = "-c" if self.name == "nginx" else "-f"
        with (self.folder / "output").open("wb") as log:
            argv = [find(self.name), option, str(self._file)]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, 10, f"{self.name} to listen")
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "output").read_text()[-2000:]
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)
