"""`make image` (`python -m tests.containers.run`): build the real image, run the compose file, use it, upgrade, stop.

Uses the Docker daemon that answers, or starts one of its own that ends with this command, whatever happens. Official
base images are pulled; where no registry can be reached, stand-ins of Debian's packages take their names, and the
table says so. `--from COMMIT` names the release to upgrade from (the commit before) and to go back to; `--from none`
leaves that out.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.containers import bases, checks, leaving, talking, upgrade
from tests.containers.daemon import engine
from tests.containers.engine import Engine, Failed, NoEngine
from tests.containers.project import Project
from tests.support.ports import claim_port
from tests.support.processes import ROOT
from tests.support.report import Report

#: Each of web and worker that the settings ask for.
COUNT = 2


def build(engine: Engine, source: Path, tag: str) -> str:
    """`docker build` of the Dockerfile in a folder. Raises Failed."""
    # A private engine's containers have the machine's network, or none, while it builds.
    how = ["--network=host"] if engine.private else []
    engine.run("docker", "build", *how, "--tag", tag, str(source), seconds=1800)
    return tag


def sources(commit: str, folder: Path) -> Path:
    """The files of a commit. Raises Failed."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True)
    if archive.returncode:
        raise Failed(f"git archive {commit}\n{archive.stderr.decode()}")
    target = folder / "before"
    target.mkdir()
    subprocess.run(["tar", "-x"], cwd=target, input=archive.stdout, check=True)
    return target


def fetch(engine: Engine) -> str:
    """What the Dockerfile and the compose file begin with."""
    texts = [(ROOT / file).read_text() for file in ("Dockerfile", "docker-compose.yml")]
    found = bases.ensure(engine, bases.needed(*texts))
    made = f"; made of Debian's packages, as no registry answers: {', '.join(found.stood_in)}"
    return f"pulled: {', '.join(found.pulled) or 'none'}{made if found.stood_in else ''}"


def try_all(engine: Engine, before: str, times: int, seed: int, report: Report) -> None:
    """Everything, in an order in which each step finds what it needs; what cannot go on is left out."""
    with tempfile.TemporaryDirectory(prefix="holdfast-compose-") as name, ExitStack() as ending:
        folder, suffix = Path(name), secrets.token_hex(3)
        now, old = f"holdfast-try:now-{suffix}", f"holdfast-try:before-{suffix}"
        if not report.show("base images", lambda: fetch(engine)):
            return
        ending.callback(engine.ask, "docker", "image", "rm", "--force", now, old)
        if not report.show("docker build", lambda: build(engine, ROOT, now)):
            return
        report.show("docker build, every layer cached", lambda: build(engine, ROOT, now))
        upgraded = before != "none"
        if upgraded and not report.show(
            f"docker build of {before}", lambda: build(engine, sources(before, folder), old)
        ):
            return
        engine.cut_off()
        project = Project(engine, f"holdfasttry{suffix}", now, claim_port(), folder)
        report.show("what is in the image", lambda: checks.image(project))
        report.show("a bind mount of root's", lambda: checks.bind_mount(project))
        report.show("settings", lambda: checks.settings(project))

        ending.callback(report.show, "docker compose down", lambda: gone(project))
        project.image = old if upgraded else now
        if not report.show("docker compose up", lambda: start(project)):
            print(project.logs(lines=40))
            return
        if upgraded and not report.show(
            f"upgrading from {before} with runs going on", lambda: upgrade.upgrade(project, now)
        ):
            return
        use(project, times, seed, report)
        if upgraded:
            report.show(
                f"going back to {before} with runs going on",
                lambda: upgrade.upgrade(project, old, back=True),
            )


def use(project: Project, times: int, seed: int, report: Report) -> None:
    """What is shown of the image of now, while it runs."""
    for what, step in (
        ("confinement", checks.confinement),
        ("the published address", checks.published),
        ("the proxy", checks.headers),
        ("a page", talking.page),
        ("sockets are shared out", talking.balance),
        ("a socket moves", talking.moved),
        ("SIGTERM, in a run", leaving.in_a_run),
        ("SIGTERM, idle", leaving.idle),
        ("SIGTERM, while starting", lambda one: leaving.starting(one, times, seed)),
    ):
        report.show(what, lambda step=step: step(project))  # type: ignore[misc]


def start(project: Project) -> str:
    """Everything of the compose file, web and worker twice; a login and an agent."""
    began = time.monotonic()
    project.settings |= {"HOLDFAST_WEB_PROCESSES": str(COUNT), "HOLDFAST_WORKER_PROCESSES": str(COUNT)}
    project.up()
    for service, count in (("demo", 1), ("worker", COUNT), ("web", COUNT), ("proxy", 1)):
        project.healthy(service, count)
    took = time.monotonic() - began
    project.people()
    return f"{COUNT} web, {COUNT} workers, proxy, demo, PostgreSQL and Valkey are healthy after {took:.0f} s"


def gone(project: Project) -> str:
    """Stop and remove it all, its volumes too."""
    project.down()
    mine = f"label=com.docker.compose.project={project.name}"
    for what in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
        left = project.engine.docker(*what, "--quiet", "--filter", mine)
        assert not left, f"docker {' '.join(what)}: {left}"
    return "no container, no volume and no network is left"


def main() -> int:
    """0 when everything went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="before", default="HEAD^")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report, began = Report(), time.monotonic()
    try:
        with engine() as running:
            version = running.docker("version", "--format", "{{.Server.Version}}")
            own = "started for this" if running.private else "the daemon that answers"
            print(f"Docker {version}, {own}; {' '.join(running.compose)}; {os.cpu_count()} cores", flush=True)
            try_all(running, given.before, given.times, given.seed, report)
    except NoEngine as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has ended.", file=sys.stderr)
        return 130
    print(f"After {time.monotonic() - began:.0f} s:")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
