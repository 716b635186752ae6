"""The servers that take the same turns, each a group of processes whose processor time is added up."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers import clients
from bench.place import ROOT, TICKS, Place, resident_kib
from tests.support.ports import claim_port
from tests.support.processes import clean_environment

HERE = Path(__file__).parent
#: Runs that LangGraph's dev server may perform at a time (10 as it comes), so that its places are not what is measured.
JOBS = "256"
START_S = 120.0


@dataclass(frozen=True)
class Server:
    """`pids` are the roots of its processes by their names; `client` begins a conversation of one more person."""

    name: str
    pids: dict[str, int]
    client: Callable[[int], clients.Client]

    def spent(self) -> dict[str, float]:
        """Seconds of the processor so far, of each process with all its children."""
        return {name: _of_tree(pid) for name, pid in self.pids.items()}

    def resident(self) -> dict[str, float]:
        """MiB of memory of each process itself."""
        return {name: resident_kib(pid) / 1024 for name, pid in self.pids.items()}


def holdfast(place: Place, people: list[tuple[int, str]]) -> Server:
    """The place's own web servers, workers and Valkey: those that run now."""
    assert place.valkey.process is not None
    pids = {name: one.pid for name, one in sorted(place.stack.processes.items()) if one.alive}
    pids["Valkey"] = place.valkey.process.pid

    def client(number: int) -> clients.Client:
        return clients.Holdfast(place.stack.address, people[number % len(people)][1])

    return Server("Holdfast", pids, client)


@contextlib.contextmanager
def floor(model: dict[str, str]) -> Iterator[Server]:
    """The bare floor; `model` are the settings by which the model is found."""
    port = claim_port()
    argv = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port)]
    with _process([*argv, "bench.peers.floor:application"], model, ROOT, port) as pid:
        yield Server("bare floor", {"floor": pid}, lambda number: clients.Floor(f"ws://127.0.0.1:{port}/"))


@contextlib.contextmanager
def chainlit(python: Path, model: dict[str, str]) -> Iterator[Server]:
    """`chainlit run`, in a folder of its own (it writes its settings beside the application)."""
    port = claim_port()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "chainlit_app.py", folder)
        argv = [str(python.parent / "chainlit"), "run", "chainlit_app.py", "--headless"]
        where = ["--host", "127.0.0.1", "--port", str(port)]
        with _process([*argv, *where], model, Path(folder), port) as pid:
            address = f"ws://127.0.0.1:{port}/ws/socket.io/?EIO=4&transport=websocket"
            yield Server("Chainlit", {"server": pid}, lambda number: clients.Chainlit(address))


@contextlib.contextmanager
def langgraph(python: Path, model: dict[str, str]) -> Iterator[Server]:
    """`langgraph dev`, which keeps its threads in memory and writes them to a folder of ours now and then."""
    port = claim_port()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "langgraph_app.py", folder)
        settings = {"dependencies": ["."], "graphs": {"agent": "./langgraph_app.py:graph"}}
        Path(folder, "langgraph.json").write_text(json.dumps(settings))
        argv = [str(python.parent / "langgraph"), "dev", "--no-browser", "--no-reload"]
        argv += ["--n-jobs-per-worker", JOBS, "--server-log-level", "error"]
        quiet = {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
        where = ["--host", "127.0.0.1", "--port", str(port)]
        with _process([*argv, *where], {**model, **quiet}, Path(folder), port) as pid:
            address = f"http://127.0.0.1:{port}"
            yield Server("LangGraph", {"server": pid}, lambda number: clients.LangGraph(address))


@contextlib.contextmanager
def _process(argv: list[str], env: dict[str, str], folder: Path, port: int) -> Iterator[int]:
    """A process and what it starts, once it answers; all of them are ended. Raises RuntimeError with its last words."""
    path = {"PATH": f"{Path(argv[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}", "HOME": str(folder)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=clean_environment(**env) | path | ({"PYTHONPATH": str(folder)} if folder == ROOT else {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + START_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{argv[0]} did not start:\n{log.read()[-3000:].decode()}")
                time.sleep(0.2)
            yield process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _answers(port: int) -> bool:
    """Whether somebody answers HTTP there, whatever they say."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError as answer:
        answer.close()
    except OSError:
        return False
    return True


def _of_tree(root: int) -> float:
    """Seconds of a process, of those below it, and of those below it that have ended."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            spent[pid] = sum(map(int, fields[11:15])) / TICKS

    def below(pid: int) -> bool:
        while pid != root and pid in parents:
            pid = parents[pid]
        return pid == root

    return sum(seconds for pid, seconds in spent.items() if below(pid))
