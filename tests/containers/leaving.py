"""SIGTERM to containers at every moment of their lives: each ends in time, and is not killed."""

from __future__ import annotations

import asyncio
import random
import time
import uuid

from tests.containers.project import PASSWORD, PERSON, Project
from tests.containers.upgrade import told
from tests.support.wire import Wire, login

#: Seconds within which a container ends; it is killed after `stop_grace_period` (docker-compose.yml).
WITHIN_S = 15.0
GRACE_S = 20
KILLED = 137
#: Seconds into a start at which it is told: before the first import, and while it imports and connects.
STARTING_S = (0.0, 2.5)


def idle(project: Project) -> str:
    """Every service, while it has nothing to do; then all of them are started again."""
    took = {}
    for service in ("proxy", "web", "worker", "demo"):
        for container in project.containers(service):
            seconds, status = project.stop(container, GRACE_S)
            assert status != KILLED and seconds < WITHIN_S, (
                f"{service}: {seconds:.1f} s, {status}\n{project.logs(service)}"
            )
            took[service] = max(took.get(service, 0.0), seconds)
    for service in ("demo", "worker", "web", "proxy"):
        ids = project.engine.docker(*_all(project, service)).split()
        project.engine.docker("start", *ids)
        project.healthy(service, len(ids))
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())


def _all(project: Project, service: str) -> list[str]:
    """Ask for the ids of a service's containers, those that have ended included."""
    labels = [f"project={project.name}", f"service={service}", "oneoff=False"]
    return ["ps", "--all", "--quiet"] + [
        word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")
    ]


def in_a_run(project: Project) -> str:
    """A worker in the middle of a tool: it leaves in time, another goes on, and the run ends well."""
    return asyncio.run(_in_a_run(project))


async def _in_a_run(project: Project) -> str:
    before = told(project)
    cookies = await asyncio.to_thread(login, project.address, PERSON, PASSWORD)
    async with Wire(project.address, cookies) as wire:
        conversation = await wire.begin()
        await wire.open(conversation)
        assert (await wire.say(conversation, "Research lakes for 10 seconds"))["status"] == "applied"
        found = await wire.until(lambda frame: frame.get("event", {}).get("type") == "run.started", 30)
        await wire.until(lambda frame: "call.progress" in str(frame), 30)
        host = found["event"]["worker"].split("-")[0]
        container = next(one for one in project.containers("worker") if one.startswith(host))
        took, status = await asyncio.to_thread(project.stop, container, GRACE_S)
        assert status != KILLED and took < WITHIN_S, f"{took:.1f} s, {status}\n{project.logs('worker')}"
        await wire.until(lambda frame: "run.finished" in str(frame), 60)
    await asyncio.to_thread(project.engine.docker, "start", container)
    await asyncio.to_thread(project.healthy, "worker", len(project.containers("worker")))
    recovered = told(project).get("run.recovering", 0) - before.get("run.recovering", 0)
    assert recovered == 1, told(project)
    return f"the worker ended in {took:.1f} s, and its run went on at another one"


def starting(project: Project, times: int, seed: int) -> str:
    """New containers, as the first process and with an init before it, told at a random moment of their start."""
    chance = random.Random(seed)
    longest = 0.0
    for number in range(times):
        for service in ("web", "worker", "migrate"):
            name = f"{project.name}-starting-{uuid.uuid4().hex[:8]}"
            argv = ["run", "--detach", "--name", name, "--network", f"{project.name}_default"]
            argv += ["--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL", *(["--init"] if number % 2 else [])]
            env = project.environment(project.containers("web")[0])
            argv += [word for pair in env.items() for word in ("--env", "=".join(pair))]
            command = ["env", "--block-signal=TERM", "python", "-m", "scripts.processes", service]
            project.engine.docker(*argv, project.image, *command)
            time.sleep(chance.uniform(*STARTING_S))
            seconds, status = project.stop(name, GRACE_S)
            said = project.engine.docker("logs", name)
            project.engine.docker("rm", "--force", "--volumes", name)
            assert status != KILLED and seconds < WITHIN_S, f"{service}: {seconds:.1f} s, {status}\n{said}"
            longest = max(longest, seconds)
    return f"{3 * times} starts of web, worker and migrate: all ended, within {longest:.1f} s (seed {seed})"
