"""Processes from the fork server: how they end is seen, and they begin at once when it is there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from chat.runs.isolated import fork_server
from tests.support.ports import claim_port
from tests.support.processes import ROOT, clean_environment

#: Processes that end with their link, one that is killed, and one that loses its fork server.
SCRIPT = """
import asyncio, json, os, signal, socket, time
import django
django.setup()
from multiprocessing import forkserver
from chat.runs.isolated import fork_server

NOBODY = "00000000-0000-0000-0000-000000000000"

EARLY = os.environ.get("EARLY") and fork_server.fork_early()

async def main():
    if EARLY:
        assert not fork_server.fork_early(), "there is one already"
    said, nest = {"took": []}, fork_server.ForkServer()
    for _ in range(2):
        began = time.monotonic()
        process, link = await nest.start("w-isolated-1")
        said["took"].append(time.monotonic() - began)
        link.close()
        said["ended"] = await nest.ended(process)
    process, link = await nest.start("w-isolated-2")
    fork_server.tell(process, signal.SIGKILL)
    said["killed"] = await nest.ended(process)
    fork_server.tell(process, signal.SIGKILL)  # harmless
    # A Redis that takes connections and says nothing: this one is busy with that for seconds.
    silent = socket.create_server(("127.0.0.1", int(os.environ["REDIS_URL"].split(":")[2].split("/")[0])))
    process, link = await nest.start("w-isolated-3")
    link.send((NOBODY, NOBODY))
    await asyncio.get_running_loop().run_in_executor(None, silent.accept)
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
    said["lost"] = await nest.ended(process)
    for _ in range(500):
        said["left"] = os.path.exists(f"/proc/{process.pid}") and process.pid
        if not said["left"] or "State:\\tZ" in open(f"/proc/{process.pid}/status").read():
            said["left"] = False
            break
        await asyncio.sleep(0.01)
    nest.close()
    assert bool(EARLY) == bool(os.environ.get("EARLY"))
    print(json.dumps(said))

asyncio.run(main())
"""


def tried(folder: Path, **env: str) -> dict[str, Any]:
    """What the script says."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            DJANGO_SECRET_KEY="only-for-tests-" + "x" * 50,
            DJANGO_INSECURE_HTTP="1",
            HOLDFAST_DATA=str(folder),
            REDIS_URL=f"redis://127.0.0.1:{claim_port()}/0",
            **env,
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    took = said.pop("took")
    assert said == {"ended": 0, "killed": -9, "lost": 255, "left": False}, done.stderr
    return {"took": took}


def test_their_ends_are_seen_and_the_fork_server_is_waited_for_once(tmp_path: Path) -> None:
    first, second = tried(tmp_path)["took"]
    assert second < first / 2, f"{second} s after {first} s"


def test_a_copy_of_the_worker_is_the_fork_server_and_need_not_be_waited_for(tmp_path: Path) -> None:
    later, _ = tried(tmp_path)["took"]
    first, _ = tried(tmp_path, EARLY="1")["took"]
    assert first < later / 2, f"{first} s, {later} s with a fork server that has to import first"


def test_a_process_with_threads_is_not_copied() -> None:
    thread = threading.Thread(target=(over := threading.Event()).wait)
    thread.start()
    try:
        assert not fork_server.fork_early()
    finally:
        over.set()
        thread.join()
