"""The images that the Dockerfile and the compose file begin with: pulled, or, where no registry can be reached, made
here from Debian's packages under the same names.

What is made here is a stand-in: the same programs of the same major version, started in the same way, but Debian's
builds and not the official ones. `make image` says so wherever it has used one. File trees are kept in the user's
cache (HOLDFAST_WITNESSES names another folder).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts.environments import cache
from tests.containers import network
from tests.containers.engine import Engine, Failed, NoEngine

FILES = Path(__file__).parent / "bases"
#: Seconds for one pull.
PULL_S = 300
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Tree:
    """A file tree of Debian's packages; `hooks` are arguments of mmdebstrap that add to it."""

    suite: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...] = ()

    def key(self) -> str:
        """Changes whenever another tree would come of it, and not with the folder of the checkout."""
        hooks = [hook.replace(str(FILES), "") for hook in self.hooks]
        files = [path.read_bytes() for path in sorted(FILES.iterdir()) if path.name in "".join(hooks)]
        return hashlib.sha256(repr((self.suite, self.packages, hooks, files)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class StandIn:
    """An image of ours for an official one: its tree, and what its own Dockerfile says about it."""

    tree: str
    changes: tuple[str, ...] = ()


def run(command: str) -> str:
    """An argument of mmdebstrap: this is run in the tree, at the end."""
    return f"--customize-hook=chroot \"$1\" sh -euc '{command}'"


#: What pip and npm believe, as on this machine: a proxy with a certificate of its own may stand before the registries.
TRUST = f'--customize-hook=install -m 644 {CERTIFICATES} "$1{CERTIFICATES}"'
#: This machine's Node and npm.
NODE = f'--customize-hook={FILES}/node.sh "$1"'
PIP = (
    "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED; wheel=$(echo /usr/share/python-wheels/pip-*.whl); "
    "python3 $wheel/pip install -q --root-user-action ignore --no-index "
    "--find-links /usr/share/python-wheels pip setuptools; rm -r /usr/share/python-wheels; "
    f'printf "[global]\\ncert = {CERTIFICATES}\\n" >/etc/pip.conf'
)

TREES = {
    "python": Tree(
        "bookworm", ("python3", "python3-venv", "python-is-python3", "ca-certificates"), (TRUST, run(PIP))
    ),
    "node": Tree("trixie", ("libstdc++6", "ca-certificates"), (TRUST, NODE)),
    "services": Tree(
        "trixie",
        ("valkey-server", "valkey-tools", "postgresql-17", "nginx-light", "wget"),
        (f'--customize-hook={FILES}/services.sh "$1"',),
    ),
}
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: By the name of an official image without its tag's last parts.
STAND_INS = {
    "python:3.11": StandIn("python", (PATH, 'CMD ["python3"]')),
    "node:20": StandIn("node", (PATH, 'CMD ["node"]')),
    "nginx:1": StandIn("services", (PATH, 'CMD ["nginx", "-g", "daemon off;"]')),
    "valkey/valkey:8": StandIn("services", (PATH, "WORKDIR /data", 'CMD ["valkey-server"]')),
    "postgres:17": StandIn(
        "services",
        (
            f"{PATH}:/usr/lib/postgresql/17/bin",
            "ENV PGDATA=/var/lib/postgresql/data",
            'ENTRYPOINT ["postgres-entrypoint"]',
            # mmdebstrap leaves nothing in /run, where Debian's PostgreSQL would have its socket.
            "ENV PGHOST=/tmp",
            'CMD ["postgres", "-c", "unix_socket_directories=/tmp"]',
        ),
    ),
}


@dataclass
class Bases:
    """What was done about each image that is needed."""

    pulled: list[str] = field(default_factory=list)
    stood_in: list[str] = field(default_factory=list)


def needed(dockerfile: str, compose: str) -> list[str]:
    """The images that others have made, in the order in which they are named."""
    names = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    services: dict[str, Any] = yaml.safe_load(compose)["services"]
    names += [service["image"] for service in services.values() if "build" not in service]
    return list(dict.fromkeys(names))


def ensure(engine: Engine, names: list[str]) -> Bases:
    """Have the engine know all of them. Raises NoEngine when one can neither be pulled nor made."""
    bases = Bases()
    reachable = True
    for name in names:
        if engine.ask("docker", "image", "inspect", name).returncode == 0:
            (bases.stood_in if _is_ours(engine, name) else bases.pulled).append(name)
            continue
        if reachable:
            reachable = _pull(engine, name)
        if reachable:
            bases.pulled.append(name)
        else:
            stand_in(engine, name)
            bases.stood_in.append(name)
    return bases


def _pull(engine: Engine, name: str) -> bool:
    try:
        return engine.ask("docker", "pull", "--quiet", name, seconds=PULL_S).returncode == 0
    except Failed:
        return False


def _is_ours(engine: Engine, name: str) -> bool:
    labels = json.loads(engine.docker("image", "inspect", "--format", "{{json .Config.Labels}}", name))
    return "holdfast.stand-in" in (labels or {})


def stand_in(engine: Engine, name: str) -> None:
    """Make an image of this name from Debian's packages."""
    found = [one for start, one in STAND_INS.items() if name.startswith(start)]
    if not found:
        raise NoEngine(f"{name} cannot be pulled, and tests/containers/bases.py knows no stand-in for it.")
    archive = tree(found[0].tree, TREES[found[0].tree])
    changes = [word for change in found[0].changes for word in ("--change", change)]
    engine.docker("import", *changes, "--change", "LABEL holdfast.stand-in=debian", str(archive), name)


def tree(name: str, wanted: Tree) -> Path:
    """The archive of a tree in the cache, made at the first use. Raises NoEngine when it cannot be made."""
    archive = cache() / "bases" / f"{name}-{wanted.key()}.tar"
    if archive.exists():
        return archive
    print(f"Making the base {name} from Debian {wanted.suite} …", flush=True)
    archive.parent.mkdir(exist_ok=True)
    for old in archive.parent.glob(f"{name}-*.tar"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="holdfast-base-", dir=archive.parent) as folder:
        made = Path(folder) / "tree.tar"
        argv = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(wanted.packages)}"]
        argv += [*SMALL, *wanted.hooks, wanted.suite, str(made)]
        env = os.environ | {"PATH": network.path(), "NODE": shutil.which("node") or "", "TMPDIR": folder}
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        if done.returncode:
            raise NoEngine(f"mmdebstrap could not make the base {name}:\n{done.stderr[-3000:]}")
        made.rename(archive)  # last, so that half of a tree is never taken for the whole
    return archive


#: As Debian's own container images are: without manuals and the lists of packages.
SMALL = (
    '--aptopt=Apt::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log',
)
