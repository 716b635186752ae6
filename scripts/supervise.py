"""The configuration files of a trial: supervisord's and Valkey's, written into the data folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from scripts.processes import command

SUPERVISOR = """\
[supervisord]
nodaemon = true
silent = true
logfile = {logs}/supervisord.log
logfile_maxbytes = 1MB
logfile_backups = 1
loglevel = info
pidfile = {data}/supervisord.pid
childlogdir = {logs}
umask = 077
"""

# A process that dies is started again at once; one that keeps dying in its first second is given up after a
# while, so that a broken set-up ends with a message instead of turning for ever.
PROGRAM = """
[program:{name}]
command = {command}
directory = {root}
priority = {priority}
autorestart = true
startsecs = 1
startretries = 4
stopsignal = TERM
stopwaitsecs = 12
stopasgroup = false
killasgroup = true
redirect_stderr = true
umask = 077
stdout_logfile = {twice}/{name}.log
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 1
"""

VALKEY = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
logfile "{logs}/valkey.log"
loglevel warning
"""


def _percent(text: str) -> str:
    # supervisord expands %(name)s in its configuration.
    return text.replace("%", "%%")


def several(name: str, count: int) -> list[str]:
    """The names of so many processes of one kind: web, web2, web3 …"""
    return [name, *(f"{name}{number}" for number in range(2, count + 1))]


def supervisor_conf(names: Sequence[str], *, root: Path, data: Path) -> str:
    """supervisord's configuration for these processes, started in this order and stopped in the reverse. A number
    behind a name tells several of one kind apart."""
    logs = _percent(str(data / "logs"))
    text = SUPERVISOR.format(logs=logs, data=_percent(str(data)))
    for priority, name in enumerate(names, start=1):
        text += PROGRAM.format(
            name=name,
            command=_percent(shlex.join(command(name.rstrip("0123456789")))),
            root=_percent(str(root)),
            priority=priority * 10,
            twice=_percent(logs),  # supervisord expands this one's value, and then once more what came of it
        )
    return text


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, because it may hold a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def write_valkey_conf(data: Path, port: int, password: str) -> Path:
    """Valkey on loopback, with a password, keeping every write (fsync once a second)."""
    folder = data / "valkey"
    path = folder / "valkey.conf"
    write_private(path, VALKEY.format(port=port, password=password, folder=folder, logs=data / "logs"))
    return path
